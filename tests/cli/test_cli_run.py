"""A real run, tiny, from beginning to end, and what reads it."""

from __future__ import annotations

import json
import os

import pytest
from cli_driver import finished

from matbench.record.store import read_record

pytestmark = pytest.mark.xdist_group("measure")

ESCAPE = "\x1b"
PLUGIN = """
from matbench.kernels import Rung, kernel

print("loading the plugin")

@kernel("plug_wrong", rung=Rung.NUMPY, idea="all zeros")
def plug_wrong(a, b, out):
    out[...] = 0

@kernel("plug_chatty", rung=Rung.NUMPY, idea="talks", gflops=0.5)
def plug_chatty(a, b, out):
    print("multiplying")
    out[...] = a @ b
"""


def test_a_tiny_run_ends_well(tiny):
    assert tiny.done.code == 0, tiny.done.err
    assert tiny.done.complaints == []


def test_a_run_leaves_a_complete_plausible_record(tiny):
    record = read_record(tiny.path)
    assert record.is_complete
    assert record.warnings == ()
    assert all(len(each.samples) for each in record.measurements)
    done = tiny.user.does("validate", "results")
    place = tiny.path.relative_to(tiny.user.folder / "results").as_posix()
    assert (done.code, done.out, done.err) == (0, f"{place}: ok\n", "")


def test_the_story_is_on_standard_output_alone(tiny):
    assert "| numpy_matmul |" in tiny.done.out
    assert "At n = 16 (float64), NumPy's @" in tiny.done.out
    assert "| numpy_matmul |" not in tiny.done.err


def test_progress_is_on_standard_error_alone(tiny):
    assert "about" in tiny.done.err.splitlines()[0]
    assert "[2/2] done" in tiny.done.err
    assert "[2/2] done" not in tiny.done.out


def test_without_a_terminal_nothing_is_coloured(tiny):
    assert ESCAPE not in tiny.done.out + tiny.done.err


def test_a_run_draws_its_figures(tiny):
    drawn = tiny.user.folder.glob("results/figures/*/*/*")
    figures = [path for path in drawn if path.suffix in {".png", ".svg"}]
    assert {path.name for path in figures if path.suffix == ".png"} >= {"speedup-float64.png", "rate-float64.png"}
    for path in figures:
        start = path.read_bytes()[:400]
        assert start.startswith(b"\x89PNG") if path.suffix == ".png" else b"<svg" in start or b"<?xml" in start


def test_the_next_commands_that_a_run_names_work(tiny):
    (hint,) = (line for line in tiny.done.err.splitlines() if line.startswith("next: "))
    assert tiny.done.err.splitlines()[-1] == hint  # whatever there is to warn of stands before it
    first = hint.removeprefix("next: ").split(" | ")[0].split()
    assert first[:2] == ["matbench", "show"]
    assert tiny.user.does(*first[1:]).code == 0


def test_nothing_that_names_the_user_is_stored(tiny):
    text = tiny.path.read_text()
    assert str(tiny.user.folder) not in text
    assert os.uname().nodename not in text.replace('"', " ").split()


def test_a_record_is_found_by_id_machine_and_path(tiny):
    told = {tiny.user.does("show", name).out for name in (tiny.path, tiny.path.stem, tiny.path.parent.name)}
    assert len(told) == 1
    assert tiny.user.does("show").out in told


NUMBERS = {"estimate": float, "low": float, "high": float}


def check_bounds(value, **further):
    """Assert that a value is null or an estimate with its bounds and `further` fields."""
    if value is None:
        return
    assert value.keys() == NUMBERS.keys() | further.keys()
    assert isinstance(value["estimate"], float)
    assert all(value[name] is None or isinstance(value[name], float) for name in ("low", "high"))


def check_contract(text):
    """Assert that a text is the one object that DESIGN promises; returns its measurements."""
    told = json.loads(text)
    assert list(told) == ["schema", "host", "environment", "measurements"]
    assert told["schema"] == 1
    for row in told["measurements"]:
        assert list(row) == [
            *("kernel", "m", "n", "k", "dtype", "threads", "seconds"),
            *("gflops", "peak_fraction", "speedup", "extrapolated", "skipped"),
            *("operation", "gbytes_per_s", "bandwidth_fraction", "peak_share"),
        ]
        assert all(isinstance(row[name], int) for name in ("m", "n", "k", "threads"))
        assert all(row[name] is None or isinstance(row[name], float) for name in ("gflops", "peak_fraction"))
        assert isinstance(row["extrapolated"], bool)
        assert (row["seconds"] is None) == (row["skipped"] is not None)
        check_bounds(row["seconds"])
        check_bounds(row["speedup"], base=str)
        check_bounds(row["peak_share"], beside=str)
    return told["measurements"]


def test_a_record_as_json_keeps_the_contract(tiny):
    done = tiny.user.does("show", "--json")
    assert (done.code, done.err) == (0, "")
    rows = check_contract(done.out)
    assert {row["kernel"] for row in rows} == {"python_lists", "numba_ikj", "numpy_matmul"}


@pytest.fixture(scope="module")
def plugged(someone, tmp_path_factory):
    """A run as JSON with a plugin that computes wrongly and one that prints."""
    folder = tmp_path_factory.mktemp("plugged")
    site = folder / "site"
    (site / "plug-1.0.dist-info").mkdir(parents=True)
    (site / "plug.py").write_text(PLUGIN)
    (site / "plug-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (site / "plug-1.0.dist-info" / "entry_points.txt").write_text("[matbench.kernels]\nplug = plug\n")
    user = someone.at(folder, PYTHONPATH=str(site), NO_COLOR="1")
    kernels = "python_lists,plug_*,numpy_matmul"
    return user, user.does("run", "--json", "--kernels", kernels, "--sizes", "8", "--threads", "1", "--budget", "20s")


def test_a_wrong_kernel_is_reported_and_never_timed(plugged):
    user, done = plugged
    assert done.code == 1
    (complaint,) = done.complaints
    assert "plug_wrong at n = 8" in complaint
    record = read_record(user.records[0])
    (wrong,) = (each for each in record.measurements if each.case.kernel == "plug_wrong")
    assert (wrong.outcome, len(wrong.samples)) == ("wrong", 0)


def test_a_run_as_json_is_json_whatever_kernels_print(plugged):
    rows = {row["kernel"]: row for row in check_contract(plugged[1].out)}
    assert rows["plug_chatty"]["seconds"] is not None
    assert rows["plug_wrong"]["seconds"] is None
    assert "multiplying" in plugged[1].err


def test_a_plugin_is_listed_with_its_origin(plugged):
    user, _ = plugged
    done = user.does("list", "--json")
    assert {each["name"]: each["origin"] for each in json.loads(done.out)}["plug_chatty"] == "plug"


def test_a_dry_run_writes_nothing(user):
    done = user.does("run", "--dry-run", "--preset", "quick")
    assert done.code == 0
    assert "float64 64: python_arrays" in done.out
    assert user.files == []


@pytest.mark.parametrize("arguments", [("show",), ("export", "--to", "csv"), ("list",)], ids=" ".join)
def test_nobody_listening_is_no_error(user, tiny, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    record = () if arguments[0] == "list" else (tiny.path,)
    process = user.start(*arguments, *record, stdout=writing)
    os.close(writing)
    done = finished(process)
    assert done.code == 0
    assert "Traceback" not in done.err
    assert "BrokenPipe" not in done.err


def test_a_full_disk_behind_standard_output_is_one_sentence(user, tiny):
    if not os.path.exists("/dev/full"):  # noqa: PTH110  a device of Linux
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = user.does("show", tiny.path, stdout=full)
    assert done.code == 2
    assert [line for line in done.err.splitlines() if "draw it" not in line] == done.complaints
    assert len(done.complaints) == 1


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("export", "--to", "md"), ("export", "--to", "json"), ("host",), ("doctor",), ("list",)],
    ids=" ".join,
)
def test_a_terminal_that_knows_ascii_alone_is_served(user, tiny, arguments):
    poor = user.at(user.folder, PYTHONIOENCODING="ascii")
    record = (tiny.path,) if arguments[0] in {"show", "export"} else ()
    done = poor.does(*arguments, *record)
    assert done.code == 0, done.err
    assert done.out.isascii()
    assert done.out
    if "json" in arguments:
        check_contract(done.out)
