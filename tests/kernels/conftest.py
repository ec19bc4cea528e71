"""NumPy's own tests carry marks of NumPy's."""


def pytest_configure(config):
    for mark in ("thread_unsafe", "slow", "leaks_references", "valgrind_error"):
        config.addinivalue_line("markers", f"{mark}: of NumPy's own tests")
