"""Keeps the timings out of a plain pytest, and the machine's name out of what pytest-benchmark writes."""

import pytest


def pytest_ignore_collect(collection_path, config):
    if collection_path.name in {"test_speed.py", "test_speed_operations.py"} and not config.getoption(
        "benchmark_only", default=False
    ):
        return True
    return None


@pytest.hookimpl(optionalhook=True)  # pytest-benchmark need not be installed
def pytest_benchmark_update_machine_info(machine_info):
    machine_info.pop("node", None)
