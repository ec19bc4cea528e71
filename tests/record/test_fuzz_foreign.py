"""Whatever stands in a table, in results of asv, in /proc and /sys or is typed: an answer or one sentence."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from fuzzing import NASTY, fuzz, replaced, scratched
from hypothesis import given
from hypothesis import strategies as st
from store_examples import record
from test_fuzz_records import one_sentence

from matbench.analyse.claims import is_claim, parse_claimed
from matbench.analyse.ladder import tabulate
from matbench.analyse.plausible import implausible
from matbench.cli.pair import parse_claim
from matbench.cli.reading import parse_dtype
from matbench.cli.run_options import parse_threads
from matbench.errors import RecordError, UsageError
from matbench.record.asv_reading import asv_files, asv_place, read_asv
from matbench.record.exchange import COLUMNS, read_samples, record_from_csv, samples_csv
from matbench.record.gates import read_gate
from matbench.record.host import read_conditions, read_host
from matbench.record.journal import encode_record
from matbench.record.pressure import read_pressure
from matbench.record.reading import record_from_lines
from matbench.sizes import LARGEST, parse_sizes
from matbench.units import parse_duration

HERE = Path(__file__).parent
NOW = datetime(2027, 1, 1, tzinfo=UTC)
TABLE = samples_csv(record()).encode()


def readable(found) -> None:
    """A record that came from elsewhere is one that our own reader takes, and that every figure can be made of."""
    again = record_from_lines(encode_record(found).splitlines(keepends=True), "x")
    assert again.measurements == found.measurements
    assert all(each.isprintable() for each in implausible(found, NOW))
    tabulate(found)


# -- tables of samples -------------------------------------------------------------------------------------------------


@st.composite
def cells(draw) -> bytes:
    """The example's table with one cell, head included, that is something else."""
    rows = [line.split(b",") for line in TABLE.splitlines()]
    row = draw(st.integers(0, len(rows) - 1))
    column = draw(st.integers(0, len(COLUMNS) - 1))
    rows[row][column] = draw(st.sampled_from(NASTY).map(lambda each: each.strip(b'"')) | st.binary(max_size=6))
    return b"\r\n".join(b",".join(row) for row in rows)


@fuzz(150)
@given(data=cells() | scratched(TABLE))
def test_any_table_is_a_record_or_a_sentence(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "x.csv"
    path.write_bytes(data)
    try:
        found = read_samples(path)
    except RecordError as error:
        one_sentence(error)
        return
    readable(found)


@pytest.mark.parametrize(
    "record_id", ["99999999T999999Z-x", "00000000T000000Z", "99991231T235959Z-x", "٣" * 8 + "T000000Z"]
)
def test_an_id_that_names_no_time_is_no_reason_to_fail(tmp_path, record_id):
    path = tmp_path / "x.csv"
    path.write_text(TABLE.decode().replace(record().header.id, record_id), encoding="utf-8")
    assert datetime.fromisoformat(read_samples(path).header.created) <= datetime.now(UTC)


def test_a_table_of_a_million_empty_lines_is_an_empty_one():
    assert record_from_csv(TABLE.decode().splitlines()[0] + "\r\n" * 10**6) == ()


# -- results of asv ----------------------------------------------------------------------------------------------------

SUITES = {
    name: {
        path.relative_to(HERE / "asv" / name): path.read_bytes()
        for path in sorted((HERE / "asv" / name).rglob("*.json"))
    }
    for name in ("own", "numpy", "scipy")
}


@st.composite
def suites(draw) -> dict[Path, bytes]:
    """A folder of asv's with one file that is damaged."""
    suite = dict(SUITES[draw(st.sampled_from(sorted(SUITES)))])
    path = draw(st.sampled_from(sorted(suite)))
    suite[path] = draw(replaced(suite[path]) | scratched(suite[path]))
    return suite


@fuzz(120)
@given(suite=suites())
def test_any_results_of_asv_are_a_record_or_a_sentence(tmp_path_factory, suite):
    folder = tmp_path_factory.mktemp("fuzz")
    for path, data in suite.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    (result,) = (folder / path for path in suite if path.name not in {"benchmarks.json", "machine.json"})
    assert asv_place(str(folder)) == folder
    try:
        asv_files(folder)
        found = read_asv(result)
    except RecordError as error:
        one_sentence(error)
        return
    readable(found)


@pytest.mark.parametrize("depth", [100, 300, 900, 100_000])
@pytest.mark.parametrize("name", ["benchmarks.json", "machine.json", "result"])
@pytest.mark.parametrize("key", ["params", "machine", "cpu", "later", "python"])
def test_deeply_nested_json_of_asv_is_read_or_refused(tmp_path, depth, name, key):
    shutil.copytree(HERE / "asv" / "numpy", tmp_path, dirs_exist_ok=True)
    results = [path for path in tmp_path.glob("*/*.json") if path.name != "machine.json"]
    (path,) = results if name == "result" else tmp_path.rglob(name)
    whole = json.loads(path.read_bytes()) | {key: "@here@"}
    path.write_text(json.dumps(whole).replace('"@here@"', "[" * depth + "]" * depth))
    try:
        readable(read_asv(results[0]))
    except RecordError as error:
        one_sentence(error)


# -- what machines say of themselves -----------------------------------------------------------------------------------

MACHINES = {folder.name: folder for folder in sorted((HERE / "machines").iterdir()) if folder.is_dir()}


@pytest.fixture(scope="session")
def machines(tmp_path_factory) -> dict[str, Path]:
    """Copies of the recorded machines, of which one file at a time may be spoilt."""
    folder = tmp_path_factory.mktemp("machines")
    return {name: Path(shutil.copytree(path, folder / name)) for name, path in MACHINES.items()}


@fuzz(80)
@given(data=st.data())
def test_any_machine_has_a_card_that_can_be_stored(machines, data):
    root = machines[data.draw(st.sampled_from(sorted(machines)))]
    path = data.draw(st.sampled_from(sorted(each for each in root.rglob("*") if each.is_file())))
    before = path.read_bytes()
    try:
        path.write_bytes(data.draw(scratched(before[:4000]) | st.sampled_from(NASTY) | st.binary(max_size=40)))
        for system in ("Linux", "Darwin"):
            for found in (read_host(root, system=system, architecture="x86_64"), read_conditions(root, system="Linux")):
                assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found
        read_pressure(root)
    finally:
        path.write_bytes(before)


# -- the command line's own small languages ----------------------------------------------------------------------------

digits = st.text("0123456789٣²", min_size=1, max_size=12)
words = st.lists(digits | st.sampled_from([*"x-+*,.%sm ", "min", "ms", "inf", "nan", "1e9", "\0", "\n"]), max_size=8)
typed = words.map("".join) | st.text(max_size=20)


@fuzz(200)
@given(typed)
def test_anything_typed_is_understood_or_refused_in_a_sentence(text):
    for parse in (parse_sizes, parse_duration, parse_claim, parse_threads, parse_dtype):
        try:
            found = parse(text)
        except UsageError as error:
            one_sentence(error)
            continue
        if parse is parse_sizes:
            assert all(1 <= side <= LARGEST for shape in found for side in shape)
        elif parse is parse_duration:
            assert 0 < found < float("inf")


@pytest.mark.parametrize("text", ["-1 0.2 0.3 1/2 3", "nan", "", "-0.5"])
def test_a_load_below_nothing_is_not_known(tmp_path, text):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "loadavg").write_text(text)
    assert read_conditions(tmp_path, system="Linux").load_1m is None


@pytest.mark.parametrize("text", ["0\nx", "99999 \n%"])
def test_what_was_typed_is_said_back_on_one_line(text):
    with pytest.raises(UsageError) as caught:
        parse_claim(text)
    one_sentence(caught.value)


# -- what a project holds its code to ----------------------------------------------------------------------------------

CLAIM = "numba_ikj is at least 100x python_lists at n=256"
GATE = f"""[tool.matbench.gate]
claims = ["{CLAIM}"]
arms = ["numba_*", "mine.py:fast"]
sizes = "64-1024*2"
margin = "5%"
on-doubt = "warn"
later = 1979-05-27T07:32:00Z
""".encode()


@fuzz(150)
@given(data=scratched(GATE) | scratched(GATE.replace(b"later = 1979-05-27T07:32:00Z\n", b"")) | st.binary(max_size=80))
def test_any_table_of_a_gate_is_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "pyproject.toml"
    path.write_bytes(data)
    try:
        read_gate(path)
    except RecordError as error:
        one_sentence(error)


@pytest.mark.parametrize(
    "value", ["9" * 5000, "1979-99-27T07:32:00Z", "1e999", "nan", "[" * 5000, "[" * 900 + "]" * 900]
)
def test_any_value_in_a_table_of_a_gate_is_read_or_refused(tmp_path, value):
    path = tmp_path / "pyproject.toml"
    for text in (f"x = {value}", f"[tool.matbench.gate]\nsizes = {value}"):
        path.write_text(text)
        try:
            read_gate(path)
        except RecordError as error:
            one_sentence(error)


claims = st.lists(
    st.sampled_from([*CLAIM.split(), "x", "%", "1e999", "\0", "0", "\n", "=", "faster", "٣"]), max_size=12
)


@fuzz(200)
@given(claims.map(" ".join) | claims.map("".join) | st.text(max_size=30))
def test_any_claim_is_understood_or_refused_in_a_sentence(text):
    is_claim(text)
    try:
        parse_claimed(text)
    except UsageError as error:
        one_sentence(error)
