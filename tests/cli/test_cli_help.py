"""What costs nothing: help, version, and the commands that do without Numba."""

from __future__ import annotations

import json

import pytest
from cli_driver import finished

COMMANDS = (
    *("run", "pair", "gate", "list", "explain", "show", "plot", "report", "compare"),
    *("export", "import", "records", "validate", "doctor", "host", "lesson"),
)
HEAVY = ("numpy", "numba", "llvmlite", "scipy", "matplotlib")
LOADED = (
    "import json, sys\n"
    "from matbench.cli import main\n"
    "code = main(sys.argv[2:])\n"
    "with open(sys.argv[1], 'w') as told:\n"
    "    json.dump([code, sorted(set(sys.modules))], told)\n"
)


def modules_of(user, *arguments):
    """The exit code of a command and the modules it has imported."""
    told = user.folder / "told.json"
    finished(user.python("-c", LOADED, told, *arguments))
    code, modules = json.loads(told.read_text())
    return code, modules


@pytest.mark.parametrize("arguments", [(), *((name,) for name in COMMANDS)])
def test_help_goes_to_standard_output_and_imports_nothing_heavy(user, arguments):
    told = user.folder / "told.json"
    done = finished(user.python("-c", LOADED, told, *arguments, "--help"))
    code, modules = json.loads(told.read_text())
    assert (code, done.err) == (0, "")
    assert done.out.startswith(" ".join(["Usage: matbench", *arguments]))
    assert not set(HEAVY) & set(modules)


def test_the_help_names_every_command(user):
    told = [line.split()[0] for line in user.does("--help").out.splitlines() if line.startswith("  ")]
    assert set(COMMANDS) <= set(told)


def test_the_version_is_that_of_the_package(user):
    import matbench

    done = user.does("--version")
    assert (done.code, done.out, done.err) == (0, f"matbench {matbench.__version__}\n", "")


def test_no_command_at_all_shows_the_help(user):
    done = user.does()
    assert (done.code, done.err) == (2, "")
    assert done.out == user.does("--help").out


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("plot",), ("export",), ("validate",), ("import",), ("doctor",), ("host",)],
    ids=lambda arguments: arguments[0],
)
def test_reading_and_looking_do_without_numba(user, tiny, arguments):
    record = {"doctor": (), "host": (), "plot": (tiny.path, "--output", "figures")}
    code, modules = modules_of(user, *arguments, *record.get(arguments[0], (tiny.path,)))
    assert code == 0
    assert not {"numba", "llvmlite", "matbench.kernels", "matbench.measure"} & set(modules)


def test_show_does_without_matplotlib_and_scipy(user, tiny):
    assert not {"matplotlib", "scipy"} & set(modules_of(user, "show", tiny.path)[1])


@pytest.mark.parametrize("command", ["show", "host", "doctor", "list"])
def test_nothing_warns(user, tiny, command):
    record = (tiny.path,) if command == "show" else ()
    done = finished(user.python("-W", "error", "-m", "matbench", command, *record))
    assert done.code == 0, done.err
    assert "arning" not in done.err
