"""Whatever is typed or read: one sentence, the documented exit code, and nothing lost or written."""

from __future__ import annotations

import json
import os

import pytest
from cli_driver import complains, lines_of, rewritten

RUNS = {
    "an unknown kernel": (("--kernels", "python_list"), "did you mean 'python_lists'?"),
    "an unknown base": (("--base", "numba_ikk"), "did you mean 'numba_i"),
    "sizes without an end": (("--sizes", "8-"), "'8-' is no size"),
    "sizes that shrink": (("--sizes", "64-8*2"), "'64-8*2' is no range of sizes"),
    "no size at all": (("--sizes", ""), "--sizes is empty"),
    "a size of 0": (("--sizes", "0"), "size 0 is out of range"),
    "a size beyond all memory": (("--sizes", "9999999"), "out of range"),
    "negative threads": (("--threads", "-1"), "'-1' is no thread count"),
    "threads that are no number": (("--threads", "two"), "'two' is no thread count"),
    "no threads at all": (("--threads", ""), "--threads is empty"),
    "more threads than processors": (("--threads", "65000"), "ask for at most"),
    "a budget that is no time": (("--budget", "soon"), "'soon' is no duration"),
    "a budget too short": (("--budget", "1s"), "give at least "),
    "an empty budget": (("--budget", ""), "--budget is empty"),
    "an unknown dtype": (("--dtypes", "float16"), "there are: float64, float32, int64"),
    "an unknown preset": (("--preset", "fast"), "there are: quick, standard, full"),
    "a seed that is no number": (("--seed", "one"), "invalid value for '--seed'"),
    "a negative seed": (("--seed", "-3"), "seed -3 is out of range"),
    "a seed beyond what a record can hold": (("--seed", "99999999999999999999"), "out of range"),
    "a label that leads elsewhere": (("--machine", "../elsewhere"), "can't name a machine"),
    "a label that names a device": (("--machine", "con"), "can't name a machine"),
    "an unknown option": (("--colour",), "no such option: --colour"),
    "an argument too many": (("everything",), "unexpected extra argument"),
    "a library that is not there": (("--blas", "libnone.so"), "libnone.so can't be loaded"),
    "nothing to resume": (("--resume",), "no interrupted run of this machine"),
    "to resume with another plan": (("--resume", "--sizes", "64"), "leave out --sizes"),
    "nothing that fits": (("--kernels", "python_*", "--sizes", "9999"), "nothing is left to measure"),
}


@pytest.mark.parametrize(("arguments", "words"), RUNS.values(), ids=RUNS.keys())
def test_a_run_refuses(user, arguments, words):
    complains(user.does("run", *arguments), words)
    assert user.files == []


def test_a_library_without_cblas_is_refused(user):
    import _ctypes

    complains(user.does("run", "--blas", _ctypes.__file__), "exports no cblas_dgemm")


def test_a_file_that_is_no_library_is_refused(user):
    (user.folder / "libtext.so").write_text("no library")
    complains(user.does("list", "--blas", "./libtext.so"), "libtext.so can't be loaded")


COMMANDS = {
    "an unknown command": (("measure",), "no such command 'measure'"),
    "an option before the command": (("--json", "show"), "no such option"),
    "nothing to import": (("import",), "missing argument 'PATH'"),
    "nothing to validate": (("validate",), "missing argument"),
    "no records yet, to show": (("show",), "run `matbench run` first"),
    "no records yet, to plot": (("plot",), "run `matbench run` first"),
    "no records yet, to export": (("export",), "run `matbench run` first"),
    "an unknown record": (("show", "20200101T000000Z-000000"), "no record under results"),
    "a missing file, to validate": (("validate", "missing.jsonl"), "missing.jsonl can't be read"),
    "a missing file, to import": (("import", "missing.jsonl"), "missing.jsonl can't be read"),
    "a folder without records": (("validate", "."), "no records under"),
}


@pytest.mark.parametrize(("arguments", "words"), COMMANDS.values(), ids=COMMANDS.keys())
def test_a_command_refuses(user, arguments, words):
    complains(user.does(*arguments), words)
    assert user.files == []


ABOUT_A_RECORD = {
    "an unknown size": (("show", "--size", "999"), "there are: 8, 16"),
    "a size that is none": (("show", "--size", "many"), "'many' is no size"),
    "an unknown dtype": (("show", "--dtype", "float16"), "there are: float64, float32, int64"),
    "a dtype it does not hold": (("show", "--dtype", "int64"), "there are: float64"),
    "a dtype it does not hold, to plot": (("plot", "--dtype", "float32"), "there are: float64"),
    "an unknown base": (("show", "--base", "lops"), "no kernel 'lops' with a time on 1 thread in this record"),
    "an unknown format": (("export", "--to", "xls"), "there are: csv, samples, json, md, record"),
    "an unknown figure": (("plot", "--kind", "pie"), "there are: speedup, rate, threads, ladder"),
}


@pytest.mark.parametrize(("arguments", "words"), ABOUT_A_RECORD.values(), ids=ABOUT_A_RECORD.keys())
def test_a_reader_refuses(user, tiny, arguments, words):
    complains(user.does(*arguments, tiny.path), words)
    assert user.files == []


def test_an_unknown_record_is_told_what_there_is(tiny):
    complains(tiny.user.does("show", "no-such-record"), tiny.path.stem)


def _foreign(path):
    path.write_text("[1, 2, 3]\n")


def _binary(path):
    path.write_bytes(bytes(range(256)) * 4)


def _pipe(path):
    os.mkfifo(path)


@pytest.mark.parametrize("command", ["validate", "import"])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_foreign, "no record of matbench"),
        (_binary, "no record of matbench"),
        (lambda path: path.touch(), "is empty"),
        (_pipe, "is a pipe or a device"),
    ],
    ids=["foreign", "binary", "empty", "pipe"],
)
def test_what_is_no_record_is_refused(user, command, make, words):
    make(user.folder / "odd.jsonl")
    complains(user.does(command, "odd.jsonl"), words)
    assert user.files == ["odd.jsonl"]


@pytest.mark.parametrize("command", ["show", "validate", "import"])
def test_a_record_from_the_future_is_refused(user, tiny, command):
    path = rewritten(tiny.path, user.folder / "future.jsonl", schema=7)
    complains(user.does(command, path.name), "written by a newer matbench (schema 7", "upgrade")
    assert user.files == ["future.jsonl"]


def test_a_folder_is_no_record_to_import(user):
    (user.folder / "folder").mkdir()
    complains(user.does("import", "folder"), "is a folder")


def truncated(path, target):
    """A copy of a record that ends within its last measurement."""
    data = path.read_bytes()
    target.write_bytes(data[: data.rindex(b'"measurement"') + 200])


def test_a_truncated_record_is_not_quite_valid(user, tiny):
    truncated(tiny.path, user.folder / "cut.jsonl")
    done = user.does("validate", "cut.jsonl")
    assert (done.code, done.err) == (1, "")
    assert "the last line was set aside" in done.out


def test_a_truncated_record_is_shown_with_a_warning(user, tiny):
    truncated(tiny.path, user.folder / "cut.jsonl")
    done = user.does("show", "cut.jsonl")
    assert done.code == 0
    assert "python_lists" in done.out
    assert "warning: the last line was set aside" in done.err
    assert "did not reach its end" in done.err


def test_a_record_broken_in_its_middle_is_refused(user, tiny):
    lines = tiny.path.read_bytes().splitlines(keepends=True)
    (user.folder / "broken.jsonl").write_bytes(b"".join([lines[0], b"{]\n", *lines[1:]]))
    complains(user.does("show", "broken.jsonl"), "line 2 of broken.jsonl is broken")


def with_times(path, target, change):
    """A copy of a record in which every elapsed time is what `change` makes of it, ns."""
    lines = lines_of(path)
    for line in lines:
        if line["type"] == "measurement" and "samples" in line:
            line["samples"]["elapsed_ns"] = [change(each) for each in line["samples"]["elapsed_ns"]]
    target.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return target


def test_an_implausible_record_is_not_taken_in(user, tiny):
    path = with_times(tiny.path, user.folder / "fast.jsonl", lambda _: 1)
    complains(user.does("import", path.name), "is not plausible")
    assert user.files == ["fast.jsonl"]


def test_validating_an_implausible_record_is_a_finding(user, tiny):
    path = with_times(tiny.path, user.folder / "fast.jsonl", lambda _: 1)
    assert user.does("validate", path.name).code == 1


def test_another_record_of_the_same_id_is_not_taken_in(user, tiny):
    assert user.does("import", tiny.path).code == 0
    (taken,) = user.records
    before = taken.read_bytes()
    path = with_times(tiny.path, user.folder / "other.jsonl", lambda elapsed: elapsed + 1)
    complains(user.does("import", path.name), "another record has the id")
    assert taken.read_bytes() == before


def test_the_same_record_is_taken_in_twice_without_harm(user, tiny):
    outcomes = [user.does("import", tiny.path) for _ in range(2)]
    assert [done.code for done in outcomes] == [0, 0]
    assert len(user.records) == 1


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("host", {"host_id": "0123456789abcdef"}, "no interrupted run of this machine"),
        ("environment", {"python": "3.0.1"}, "Python"),
        ("environment", {"packages": {"numpy": "1.0"}}, "1.0 in the record"),
    ],
    ids=["another machine", "another Python", "another NumPy"],
)
def test_a_run_is_continued_only_where_it_was_begun(user, tiny, part, value, words):
    header = lines_of(tiny.path)[0]
    target = user.folder / "results" / "records" / header["machine"] / tiny.path.name
    path = rewritten(tiny.path, target, **{part: header[part] | value})
    before = path.read_bytes()
    remedy = "begin one with matbench run" if part == "host" else f"begin anew with {header['plan']['command']}"
    complains(user.does("run", "--resume"), words, remedy)
    assert path.read_bytes() == before


def test_a_results_path_that_is_a_file_is_told_once(user):
    (user.folder / "results").write_text("mine")
    done = user.does("run", "--kernels", "numpy_matmul", "--sizes", "8", "--budget", "10s")
    assert (done.code, done.out) == (2, "")
    assert len(done.complaints) == 1
    assert "a part of its path is a file" in done.complaints[0]
    assert (user.folder / "results").read_text() == "mine"


@pytest.mark.parametrize("command", [("export", "--output"), ("plot", "--output")], ids=["export", "plot"])
def test_output_that_can_not_be_written_is_one_sentence(user, tiny, command):
    (user.folder / "file").write_text("mine")
    complains(user.does(*command, "file/below", tiny.path), "file/below", "can't be written")
    assert (user.folder / "file").read_text() == "mine"
