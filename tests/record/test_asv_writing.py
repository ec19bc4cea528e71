"""Records filed among asv's results: every sample comes back, nothing of anybody else is touched."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_examples import END, FAST, header, record, samples

pytest.importorskip("asv", reason='needs asv; pip install "asv>=0.6.5,<0.7"')

from asv.results import Results

from matbench.errors import RecordError, UsageError
from matbench.model import Case, Conditions, KernelCard, Library, Measurement, Problem, Samples
from matbench.record.asv_format import EXACT, PARAMETERS, RATED, TIMED, VERSION
from matbench.record.asv_project import Project
from matbench.record.asv_reading import read_asv
from matbench.record.asv_writing import write_asv

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MACHINE = "icelake-2cpu-3f9a1c"


def project(folder, **changes) -> Project:
    values = {"is_changed": False, "commit": COMMIT, "committed_ms": 1_795_000_000_000, **changes}
    return Project(settings=folder / "asv.conf.json", results=folder / "asv", **values)


def square(kernel="numpy_matmul", n=64, threads=1, dtype="float64", **fields) -> Measurement:
    return Measurement(Case(kernel, Problem(n, n, n, dtype), threads), **fields)


def result(path, name=TIMED):
    found = json.loads(path.read_text())
    return dict(zip(found["result_columns"], found["results"][name], strict=False))


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- the round trip ----------------------------------------------------------------------------------------------------

_sample = st.tuples(st.integers(1, 10**6), st.integers(10**3, 2**50), st.integers(0, 99), st.integers(0, 999))
_samples = st.lists(_sample, min_size=1, max_size=8).map(lambda rows: Samples(*zip(*rows, strict=True)))
_names = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="<>&\"'`\\"), min_size=1
)
_cases = st.builds(
    lambda kernel, n, dtype, threads: Case(kernel[:80], Problem(n, n, n, dtype), threads),
    st.sampled_from(["numpy_matmul", "python_lists", "numba_ikj"]) | _names,
    st.integers(1, 2**20),
    st.sampled_from(["float64", "float32", "int64"]),
    st.integers(1, 8),
)
_measured = st.dictionaries(_cases, _samples, min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(_measured)
def test_every_sample_and_its_loops_come_back(tmp_path_factory, measured):
    folder = tmp_path_factory.mktemp("asv")
    values = tuple(Measurement(case, samples=some) for case, some in measured.items())
    filed = write_asv(record(measurements=values), project(folder))
    assert filed.left_out == ()
    found = {each.case: each.samples for each in read_asv(filed.path).measurements}
    assert found == measured


def test_machine_and_software_come_back(tmp_path):
    packages = {"numpy": "2.3.1", "numba": "0.62.1", "scipy": "1.16"}
    about = header()
    about = msgspec.structs.replace(about, environment=msgspec.structs.replace(about.environment, packages=packages))
    found = read_asv(write_asv(record(header=about), project(tmp_path)).path).header
    assert found.machine == MACHINE
    assert found.host.logical_cpus == 2
    assert found.host.system == "Linux"
    assert found.environment.python == "3.11"
    assert found.environment.packages == {"numpy": "2.3.1", "numba": "0.62.1"}
    assert found.created == about.created


def test_asv_itself_keeps_samples_and_loops_when_it_rewrites_the_file(tmp_path):
    values = (square(samples=samples(40_000, 41_000)), square("numba_ikj", samples=samples(90_000)))
    path = write_asv(record(measurements=values), project(tmp_path)).path
    loaded = Results.load(str(path))
    loaded.remove_result(RATED)
    loaded.save(str(tmp_path / "asv"))  # as `asv rm benchmark=..` does
    assert not set(EXACT) & set(json.loads(path.read_text())["result_columns"])
    found = {each.case.kernel: each.samples for each in read_asv(path).measurements}
    assert found["numpy_matmul"].elapsed_ns == (40_000, 41_000)
    assert found["numpy_matmul"].loops == (4, 4)
    assert found["numba_ikj"].elapsed_ns == (90_000,)


# -- what is written ---------------------------------------------------------------------------------------------------


def test_asv_finds_times_rates_skipped_and_failed_cases(tmp_path):
    values = (
        square(n=100, samples=samples(8_000, 4_000, 6_000)),
        square(n=200, outcome="skipped", reason="no time"),
        square("python_lists", outcome="wrong", reason="it is wrong", samples=samples(1)),
    )
    path = write_asv(record(measurements=values), project(tmp_path)).path
    found = Results.load(str(path), machine_name=MACHINE)
    assert found.commit_hash == COMMIT
    assert found.get_result_params(TIMED) == [
        ["'numpy_matmul'", "'python_lists'"],
        ["64", "100", "200"],
        ["'float64'"],
        ["1"],
    ]
    times = found.get_result_value(TIMED, found.get_result_params(TIMED))
    assert [str(each) for each in times] == ["nan", "1.5e-06", "nan", "None", "nan", "nan"]
    rates = found.get_result_value(RATED, found.get_result_params(RATED))
    assert rates[1] == 1333.0
    assert found.benchmark_version == {TIMED: VERSION, RATED: VERSION}
    stats = found.get_result_stats(TIMED, found.get_result_params(TIMED))[1]
    assert (stats["number"], stats["repeat"]) == (4, 3)


def test_the_names_of_file_and_environment_carry_no_path(tmp_path):
    about = header(record_id="x")
    odd = msgspec.structs.replace(
        about.environment, python="3.11.7 /opt/python", packages={"numpy": "../../x", "numba": "1/2\n"}
    )
    path = write_asv(record(header=msgspec.structs.replace(about, environment=odd)), project(tmp_path)).path
    assert path.parent == tmp_path / "asv" / MACHINE
    assert path.name.startswith("01234567-matbench-py3.11-numba")
    assert result(path) is not None


def test_an_unsafe_machine_label_is_refused(tmp_path):
    with pytest.raises(RecordError, match="machine label"):
        write_asv(record(header=header(machine="../x")), project(tmp_path))
    assert not everything(tmp_path)


def test_blas_and_governor_are_selectors_and_peaks_only_facts_of_the_machine(tmp_path):
    end = msgspec.structs.replace(END, libraries=(Library("blas", "openblas", "0.3.30", "SkylakeX"),))
    about = header(conditions=Conditions(governor="performance"))
    path = write_asv(record(header=about, end=end), project(tmp_path), {"peak float64/1": "51.2 GFLOP/s"}).path
    params = json.loads(path.read_text())["params"]
    machine = json.loads((path.parent / "machine.json").read_text())
    for found in (params, machine):
        assert found["BLAS"] == "openblas 0.3.30 SkylakeX"
        assert found["governor"] == "performance"
        assert found["num_cpu"] == "2"
    assert machine["peak float64/1"] == "51.2 GFLOP/s"
    assert "peak float64/1" not in params
    assert params["runner"] == "matbench run"


def test_what_asv_has_no_place_for_is_left_out_and_told(tmp_path):
    values = (
        square(samples=samples(9)),
        Measurement(Case("numpy_matmul", Problem(8, 64, 64)), samples=samples(9)),
        Measurement(Case("numpy_matmul", Problem(64, 64, 64, layout="F")), samples=samples(9)),
        Measurement(Case("numpy_matmul", Problem(64, 64, 64, seed=7)), samples=samples(9)),
        square("<img src=x>", samples=samples(9)),
    )
    assert write_asv(record(measurements=values), project(tmp_path)).left_out == (
        "1 case of rectangular problems",
        "1 case in Fortran order",
        "1 case with further operands",
        "1 case of kernels whose name a web page would take for markup",
    )


def test_a_record_of_rectangles_alone_is_refused_and_nothing_written(tmp_path):
    values = (Measurement(Case("numpy_matmul", Problem(8, 64, 64)), samples=samples(9)),)
    with pytest.raises(UsageError, match="square problems alone"):
        write_asv(record(measurements=values), project(tmp_path))
    assert not everything(tmp_path)


def test_times_of_another_project_are_not_filed_as_products(tmp_path):
    (path,) = (Path(__file__).parent / "asv" / "numpy" / "bench-box").glob("*-*.json")
    with pytest.raises(UsageError, match="square problems alone"):
        write_asv(read_asv(path), project(tmp_path))


def test_foreign_text_can_be_no_markup_on_the_pages(tmp_path):
    about = header()
    cpu = msgspec.structs.replace(about.host.cpu, brand='<script>alert("x")</script>')
    about = msgspec.structs.replace(about, host=msgspec.structs.replace(about.host, cpu=cpu))
    write_asv(record(header=about), project(tmp_path), {"<b>": "<i>"})
    for data in everything(tmp_path).values():
        assert b"<" not in data.replace(b"\\u003c", b"<")


# -- beside what is there ----------------------------------------------------------------------------------------------


def test_results_of_asv_run_stay_byte_for_byte(tmp_path):
    measured = tmp_path / "asv" / MACHINE / "01234567-virtualenv-py3.11-numba-numpy.json"
    measured.parent.mkdir(parents=True)
    own = Path(__file__).parent / "asv" / "own" / "testbox"
    (recorded,) = own.glob("*-*.json")
    measured.write_bytes(recorded.read_bytes())
    before = measured.read_bytes()
    path = write_asv(record(), project(tmp_path)).path
    assert path != measured
    assert measured.read_bytes() == before


def test_benchmarks_gain_parameters_and_lose_nothing(tmp_path):
    there = {
        "other.time_x": {"name": "other.time_x", "param_names": [], "params": [], "type": "time", "version": "9"},
        TIMED: {
            "name": TIMED,
            "code": "def time_matmul",
            "param_names": list(PARAMETERS),
            "params": [["'numpy_rows'", "'numpy_matmul'"], ["8", "512"], ["'float32'"], ["1"]],
            "timeout": 66.0,
            "type": "time",
            "unit": "seconds",
            "version": VERSION,
        },
    }
    (tmp_path / "asv").mkdir()
    path = tmp_path / "asv" / "benchmarks.json"
    path.write_text(json.dumps({**there, "version": 2}))
    write_asv(record(), project(tmp_path))
    found = json.loads(path.read_text())
    assert found["other.time_x"] == there["other.time_x"]
    assert found[TIMED]["params"] == [
        ["'numpy_rows'", "'numpy_matmul'", "'python_lists'"],
        ["8", "64", "512"],
        ["'float32'", "'float64'"],
        ["1", "2"],
    ]
    assert (found[TIMED]["timeout"], found[TIMED]["code"]) == (66.0, "def time_matmul")
    assert set(found) == {*there, RATED, "version"}


def test_what_asv_knows_of_the_machine_stays(tmp_path):
    folder = tmp_path / "asv" / MACHINE
    folder.mkdir(parents=True)
    there = {"machine": MACHINE, "os": "Linux 6.1", "cpu": "", "desk": "by the window", "version": 1}
    (folder / "machine.json").write_text(json.dumps(there))
    path = write_asv(record(), project(tmp_path)).path
    found = json.loads((folder / "machine.json").read_text())
    assert (found["os"], found["desk"], found["num_cpu"], found["cpu"]) == (
        "Linux 6.1",
        "by the window",
        "2",
        "unknown",
    )
    assert json.loads(path.read_text())["params"]["os"] == "Linux 6.1"


def test_a_later_record_replaces_its_cells_and_keeps_the_others(tmp_path):
    first = (square(samples=samples(10, process=1)), square(n=128, samples=samples(20, process=2)))
    later = (square(samples=samples(30)), square("python_lists", n=256, threads=2, samples=samples(40)))
    write_asv(record(measurements=first), project(tmp_path))
    path = write_asv(record(measurements=later), project(tmp_path)).path
    found = {each.case: each.samples for each in read_asv(path).measurements}
    assert found == {each.case: each.samples for each in (first[1], *later)}
    assert str(result(path)["result"]).count("None") == 0  # cells that nobody measured count as skipped, not as failed


def test_in_a_changed_tree_what_is_there_stays_and_it_is_told(tmp_path):
    first, later = (square(samples=samples(10)),), (square(samples=samples(30)), square(n=128, samples=samples(20)))
    write_asv(record(measurements=first), project(tmp_path))
    filed = write_asv(record(measurements=later), project(tmp_path, is_changed=True))
    found = {each.case: each.samples for each in read_asv(filed.path).measurements}
    assert found == {each.case: each.samples for each in (*first, later[1])}
    assert "differs from commit 01234567, which" in filed.changed
    assert "1 case stay" in filed.changed


def test_in_a_changed_tree_the_commit_is_told(tmp_path):
    told = write_asv(record(), project(tmp_path, is_changed=True)).changed
    assert told == "the work tree differs from commit 01234567, which the results are filed under"


def test_filing_one_record_twice_changes_nothing(tmp_path):
    write_asv(record(), project(tmp_path))
    before = everything(tmp_path)
    write_asv(record(), project(tmp_path))
    assert everything(tmp_path) == before


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["benchmarks.json", f"{MACHINE}/machine.json", "result"])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"version": 1}',
        b'{"version": 99}',
        b"[" * 100_000,
        b"\xff",
        b'{"version": 2, "a": 3}',
    ],
)
def test_a_broken_file_is_one_sentence_and_nothing_is_written(tmp_path, name, data):
    path = write_asv(record(), project(tmp_path)).path
    target = path if name == "result" else tmp_path / "asv" / name
    if name.endswith("machine.json"):
        data = data.replace(b'"version": 1}', b'"version": 0}').replace(b'{"version": 2, "a": 3}', b'{"a": 3}')
    target.write_bytes(data)
    before = everything(tmp_path)
    with pytest.raises((UsageError, RecordError)) as caught:
        write_asv(record(measurements=(square(samples=samples(77)),)), project(tmp_path))
    assert "\n" not in str(caught.value)
    assert everything(tmp_path) == before


def test_a_description_by_a_later_matbench_is_refused(tmp_path):
    write_asv(record(), project(tmp_path))
    path = tmp_path / "asv" / "benchmarks.json"
    path.write_text(path.read_text().replace('"version": "1"', '"version": "2"'))
    with pytest.raises(UsageError, match=r"describes version 2 of .*time_matmul, this matbench has 1"):
        write_asv(record(), project(tmp_path))


def test_parameters_that_combine_without_end_are_refused_at_once(tmp_path):
    write_asv(record(), project(tmp_path))
    path = tmp_path / "asv" / "benchmarks.json"
    found = json.loads(path.read_text())
    found["other"] = {"name": "other", "params": [[str(value) for value in range(1000)]] * 5, "version": "1"}
    path.write_text(json.dumps(found))
    with pytest.raises(UsageError, match="combinations"):
        write_asv(record(), project(tmp_path))


def test_a_later_format_of_asv_is_refused(monkeypatch):
    from matbench.record.asv_project import check_asv

    monkeypatch.setattr(Results, "api_version", 3)
    with pytest.raises(UsageError, match=r"is not one that was tried: it writes results in version 3 .*; install"):
        check_asv()


def test_a_call_that_asv_no_longer_knows_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(Results, "add_result", lambda *_: None)
    with pytest.raises(UsageError, match="is not one that was tried"):
        write_asv(record(), project(tmp_path))
    assert not everything(tmp_path)


def test_a_missing_asv_is_one_sentence(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "asv"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asv", None)
    with pytest.raises(UsageError, match=r"asv is not installed here; install"):
        write_asv(record(), project(tmp_path))
    assert not everything(tmp_path)


def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path):
    (tmp_path / "asv").write_text("a file")
    with pytest.raises(RecordError):
        write_asv(record(), project(tmp_path))


def test_kernels_stand_in_the_order_of_the_ladder(tmp_path):
    cards = tuple(KernelCard(name, "x", "") for name in ("python_lists", "numba_ikj", "numpy_matmul"))
    values = tuple(square(name, samples=samples(9)) for name in ("numpy_matmul", "python_lists", "plugin", "numba_ikj"))
    path = write_asv(record(header=header(kernels=cards), measurements=values), project(tmp_path)).path
    assert result(path)["params"][0] == ["'python_lists'", "'numba_ikj'", "'numpy_matmul'", "'plugin'"]


def test_dataclass_of_a_project_can_be_given_another_folder(tmp_path):
    elsewhere = dataclasses.replace(project(tmp_path), results=tmp_path / "elsewhere")
    assert write_asv(record(measurements=(Measurement(FAST, samples=samples(9)),)), elsewhere).path.is_relative_to(
        tmp_path / "elsewhere"
    )
