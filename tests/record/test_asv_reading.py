"""Results of asv, ours and other projects', read as records: by recordings, and by what must be refused."""

from __future__ import annotations

import json
import math
import platform
import shutil
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matbench.analyse.plausible import implausible
from matbench.errors import MatbenchError, RecordError, UsageError
from matbench.model import Case, Problem
from matbench.record.asv_cases import Entry, labels, plain, shape_of
from matbench.record.asv_reading import asv_files, asv_place, read_asv
from matbench.record.exchange import FOREIGN
from matbench.record.journal import encode_record
from matbench.record.reading import record_from_lines

RECORDED = Path(__file__).parent / "asv"
(OWN,) = (RECORDED / "own" / "testbox").glob("*-*.json")
(NUMPY,) = (RECORDED / "numpy" / "bench-box").glob("*-*.json")
(SCIPY,) = (RECORDED / "scipy" / "bench-box").glob("*-*.json")
SORTED = {
    "sorting.time_sort": {
        "result": [1e-6, 2e-6, 3e-6, 6e-6],
        "params": [["'quick'", "'merge'"], ["10", "20"]],
        "stats_number": [100, 50, 30, 20],
    }
}


def cases(record):
    return {(each.case.kernel, each.case.problem.n): each for each in record.measurements}


def written(folder, timings=SORTED, names=("kind", "n"), **changes):
    """A result file of a made-up suite, with the benchmarks.json that belongs to it unless `names` is None."""
    columns = list(dict.fromkeys(key for entry in timings.values() for key in entry))
    found = {
        "version": 2,
        "commit_hash": "ab" * 20,
        "env_name": "virtualenv-py3.12",
        "date": 1_700_000_000_000,
        "params": {"machine": "box", "num_cpu": "4"},
        "python": "3.12",
        "requirements": {},
        "result_columns": columns,
        "results": {name: [entry.get(key) for key in columns] for name, entry in timings.items()},
        **changes,
    }
    path = folder / "box" / "abababab-virtualenv-py3.12.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found))
    (path.parent / "machine.json").write_text('{"machine": "box", "version": 1}')
    if names is not None:
        described = {name: {"param_names": list(names), "type": "time"} for name in timings}
        (folder / "benchmarks.json").write_text(json.dumps({**described, "version": 2}))
    return path


# -- recordings --------------------------------------------------------------------------------------------------------


def test_what_asv_run_left_of_our_suite_is_read_by_kernel_size_type_and_threads():
    record = read_asv(OWN)
    found = {each.case: each.samples for each in record.measurements}
    fast = found[Case("numpy_matmul", Problem(64, 64, 64), threads=1)]
    assert fast.loops == (178,)
    assert fast.elapsed_ns == (round(1.662328089919305e-05 * 178 * 1e9),)
    assert {case.threads for case in found} == {1, 2}
    assert {case.problem.n for case in found} == {64, 512}
    assert len(found) == 8  # what asv skipped is left out
    assert record.header.plan.base == "python_lists"
    assert [card.name for card in record.header.kernels] == ["python_lists", "numpy_rows", "numba_ikj", "numpy_matmul"]
    assert {card.origin for card in record.header.kernels} == {"matbench"}
    assert record.header.created == "2026-11-22T18:58:37Z"
    assert record.is_complete


def test_no_path_of_asv_gets_into_the_record():
    text = encode_record(read_asv(OWN)).decode()
    assert "ada" not in text
    assert "venv" not in text


def test_parameters_of_a_numpy_benchmark_become_kernels_over_its_size():
    record = read_asv(NUMPY)
    assert {kernel for kernel, _ in cases(record)} == {"1, bool", "1, numpy.int8", "2, bool", "2, numpy.int8"}
    assert {n for _, n in cases(record)} == {100, 10_000, 1_000_000}
    slow = cases(record)["2, numpy.int8", 1_000_000].samples
    assert (slow.loops, slow.elapsed_ns) == ((3,), (12_600_000,))
    assert record.header.plan.base == "2, numpy.int8"
    assert {card.origin for card in record.header.kernels} == {FOREIGN}
    host = record.header.host
    assert (host.system, host.architecture, host.logical_cpus) == ("Linux", "x86_64", 16)
    assert host.memory_bytes == 33_558_122_496
    assert record.header.machine == "bench-box"
    assert record.header.created == "2024-06-10T06:15:00Z"


def test_two_benchmarks_of_one_scipy_class_are_told_apart():
    record = read_asv(SCIPY)
    found = cases(record)
    assert found["solve(contig, numpy)", 20].samples.elapsed_ns == (10_500_000 // 1, 9_800_000, 11_200_000)
    assert found["solve(contig, numpy)", 20].samples.loops == (700,) * 3
    assert ("eigvals(nocontig, numpy)", 20) not in found  # skipped
    failed = found["eigvals(contig, numpy)", 500]
    assert (failed.outcome, len(failed.samples)) == ("ended", 0)
    assert "failed under asv" in failed.reason
    assert record.header.plan.base == "eigvals(contig, scipy)"
    assert record.header.environment.packages == {"numpy": "1.26"}


@pytest.mark.parametrize("path", [OWN, NUMPY, SCIPY])
def test_a_record_from_asv_is_plausible_and_comes_back_from_its_own_file(path):
    record = read_asv(path)
    assert implausible(record) == ()
    data = encode_record(record)
    assert record_from_lines(BytesIO(data), "x").measurements == record.measurements
    assert read_asv(path) == record  # the same id every time


def test_samples_of_different_cases_do_not_pair():
    places = [
        (process, number)
        for each in read_asv(SCIPY).measurements
        for process, number in zip(each.samples.process, each.samples.round, strict=True)
    ]
    assert len(set(places)) == len(places)


def test_of_a_folder_the_newest_comes_first(tmp_path):
    for path in (NUMPY, SCIPY):
        (tmp_path / "box").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "box")
    shutil.copy(NUMPY.parent / "machine.json", tmp_path / "box")
    (tmp_path / "box" / "broken.json").write_text("{")
    assert [path.name for path in asv_files(tmp_path)] == [NUMPY.name, SCIPY.name]
    assert asv_files(tmp_path / "box") == asv_files(tmp_path)


# -- what is what ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["n", "N", "size", "Size", "array_size", "n_samples", "nrows", "num_elements", "length"]
)
def test_a_parameter_with_such_a_name_and_whole_numbers_is_the_size(name):
    entry = Entry(params=[["1", "2"], ["10", "20"]])
    assert shape_of("x.time_x", entry, ["axis", name]).size == 1


@pytest.mark.parametrize("name", ["axis", "function", "ndim", "seed", "min", "threads", "n_threads"])
def test_a_parameter_with_another_name_is_not(name):
    entry = Entry(params=[["1", "2"], ["'a'", "'b'"]])
    assert shape_of("x.time_x", entry, [name, "kind"]).size is None


@pytest.mark.parametrize("values", [["'10'"], ["1.5"], ["0", "10"], ["-1"], ["(10, 10)"], ["True"], ["9" * 30], []])
def test_values_that_are_no_whole_numbers_are_no_size(values):
    assert shape_of("x.time_x", Entry(params=[values]), ["n"]).size is None


def test_the_better_name_wins_and_thread_counts_and_types_are_coordinates():
    params = [["1", "2"], ["10", "20"], ["3", "4"], ["'float64'", "<class 'numpy.float32'>"], ["'C'", "'F'"]]
    shape = shape_of("x.time_x", Entry(params=params), ["n_threads", "size", "n", "dtype", "order"])
    assert (shape.threads, shape.size, shape.dtype, shape.others) == (0, 2, 3, (1, 4))


def test_types_that_we_have_no_word_for_are_a_part_of_the_kernel():
    shape = shape_of("x.time_x", Entry(params=[["10"], ["'float64'", "'float16'"]]), ["n", "dtype"])
    assert (shape.dtype, shape.others) == (None, (1,))


def test_without_names_the_only_whole_numbers_are_the_size(tmp_path):
    record = read_asv(written(tmp_path, names=None))
    assert cases(record).keys() == {("quick", 10), ("quick", 20), ("merge", 10), ("merge", 20)}
    assert record.header.plan.base == "merge"


def test_names_that_asv_made_up_count_as_none():
    entry = Entry(params=[["1", "2"], ["'a'"]])
    assert shape_of("x.time_x", entry, ["param1", "param2"]).size == 0


def test_a_benchmark_without_further_parameters_is_called_by_its_name(tmp_path):
    results = {name: {"result": [1e-6, 2e-6], "params": [["10", "20"]]} for name in ("a.time_f", "a.time_g")}
    assert {kernel for kernel, _ in cases(read_asv(written(tmp_path, results, ["n"])))} == {"f", "g"}


def test_labels_are_unique():
    names = ["a.B.time_c", "a.D.time_c", "x.B.time_c", "time_c", "a.B.time_e"]
    assert len(set(labels(names).values())) == len(names)


@given(st.text(max_size=200))
def test_any_parameter_becomes_a_name_that_a_record_can_hold(text):
    shape = shape_of("x.time_x", Entry(params=[["10"], [repr(text)]]), ["n", "kind"])
    name = shape.kernel(["10", repr(text)], "")
    assert 0 < len(name) <= 80
    assert name.isprintable()


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_texts_stay_different_kernels(one, other):
    first, second = (shape_of("x", Entry(params=[["1"], [each]]), ["n", "k"]) for each in (one, other))
    same = plain(one) == plain(other)
    assert (first.kernel(["1", one], "") == second.kernel(["1", other], "")) == same


def test_a_given_base_is_kept_and_another_is_refused():
    assert read_asv(NUMPY, "1, bool").header.plan.base == "1, bool"
    assert read_asv(NUMPY, "1, bool").header.id != read_asv(NUMPY).header.id
    with pytest.raises(UsageError, match=r"no kernel 'fast' among them; there are: 1, bool, 1, numpy.int8"):
        read_asv(NUMPY, "fast")


def test_sizes_that_no_record_holds_are_left_out_and_told(tmp_path):
    results = {"a.time_f": {"result": [1e-6, 2e-6], "params": [["10", "10000000"]]}}
    record = read_asv(written(tmp_path, results, ["n"]))
    assert len(record.measurements) == 1
    assert any("1 results at sizes above 1,048,576" in each for each in record.warnings)


# -- who it says it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", ["../../etc", "a b", "con", "", "x" * 200, "<script>", platform.node()])
def test_a_machine_that_is_no_folder_name_or_this_very_host_gets_a_name_made_up(tmp_path, machine):
    path = written(tmp_path, params={"machine": machine, "num_cpu": "4"})
    (path.parent / "machine.json").unlink()
    record = read_asv(path)
    assert record.header.machine.startswith("asv-4cpu-")


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 1}, "version 1 of asv's format, and matbench reads version 2; run `asv update`"),
        ({"version": 3}, "version 3 of asv's format, and matbench reads version 2; upgrade matbench"),
        ({"version": "2"}, "is no result file of asv's"),
        ({"results": []}, "is no result file of asv's"),
        ({"results": {}}, "holds no times"),
        ({"results": {"x.time_x": "many"}}, "is no result file of asv's"),
        ({"results": {"x.time_x": [[1.0], [["1", "2"]]]}, "result_columns": ["result", "params"]}, "are broken"),
        ({"results": {"x.time_x": [["fast"], []]}, "result_columns": ["result", "params"]}, "are broken"),
        ({"results": {"x.time_x": [[1.0], []]}, "result_columns": ["result", "params"]}, "no benchmark in"),
        ({"results": {"x.track_x": [[1.0], []]}, "result_columns": ["result", "params"]}, "holds no times"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused_in_one_sentence(tmp_path, changes, words):
    with pytest.raises(RecordError) as caught:
        read_asv(written(tmp_path, **changes))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"a": ' + b"9" * 6000 + b"}"]
)
def test_a_file_that_is_no_json_of_asvs_is_refused(tmp_path, data):
    path = tmp_path / "x.json"
    path.write_bytes(data)
    with pytest.raises(RecordError):
        read_asv(path)


def test_parameters_that_combine_without_end_are_refused_at_once(tmp_path):
    params = [[str(value) for value in range(1, 200)]] * 6
    with pytest.raises(RecordError, match="are broken"):
        read_asv(written(tmp_path, {"x.time_x": {"params": params, "duration": 1.0}}, ["n", *"abcde"]))


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, 1e300])
def test_what_is_no_time_is_no_sample(tmp_path, value):
    results = {"x.time_x": {"result": [value, 1e-6], "params": [["10", "20"]]}}
    record = read_asv(written(tmp_path, results, ["n"]))
    assert [len(each.samples) for each in record.measurements] == [0, 1]
    assert "asv holds no time" in record.measurements[0].reason


def test_a_file_without_any_time_is_refused(tmp_path):
    results = {"x.time_x": {"result": [None, math.nan], "params": [["10", "20"]]}}
    with pytest.raises(RecordError, match="holds no time at any size"):
        read_asv(written(tmp_path, results, ["n"]))


def test_without_a_size_it_is_said_what_is_missing(tmp_path):
    results = {"x.time_x": {"result": [1.0], "params": [["'a'"]]}}
    with pytest.raises(RecordError, match="has a parameter for the size"):
        read_asv(written(tmp_path / "named", results, ["kind"]))
    with pytest.raises(RecordError, match=r"there is no benchmarks\.json above"):
        read_asv(written(tmp_path / "bare", results, None))


def test_a_broken_description_is_refused(tmp_path):
    path = written(tmp_path)
    (tmp_path / "benchmarks.json").write_text('{"sorting.time_sort": {"param_names": 3}}')
    with pytest.raises(RecordError, match="just-discover"):
        read_asv(path)


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(RecordError, match="there are no results of asv under"):
        asv_files(tmp_path)


def test_a_folder_of_broken_results_tells_of_one(tmp_path):
    written(tmp_path, version=7)
    with pytest.raises(RecordError, match="upgrade matbench"):
        asv_files(tmp_path)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=12), st.integers(0, OWN.stat().st_size), st.integers(0, 40))
def test_random_damage_never_escapes_as_another_error(tmp_path_factory, noise, at, cut):
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    data = OWN.read_bytes()
    path.write_bytes(data[:at] + noise + data[at + cut :])
    with suppress(MatbenchError):
        encode_record(read_asv(path))


def test_places_of_asv_are_told_from_records_and_from_nothing(tmp_path):
    path = written(tmp_path)
    assert asv_place(str(path)) == path
    assert asv_place(str(tmp_path)) == tmp_path
    assert asv_place(str(path.parent)) == path.parent
    record = tmp_path / "record.json"
    record.write_bytes(encode_record(read_asv(path)))
    for other in (str(record), str(tmp_path / "none.json"), "latest", "", "x" * 5000 + ".json", "\0.json"):
        assert asv_place(other) is None
    (tmp_path / "empty").mkdir()
    assert asv_place(str(tmp_path / "empty")) is None
