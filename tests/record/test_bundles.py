"""Bundles: many records in one file, handed over without a word too many and taken in wholly or not at all."""

from __future__ import annotations

import gzip
import io
import json
import os
from pathlib import Path

import msgspec
import pytest
from store_examples import END, ID, header, placed, record, samples

from matbench.errors import RecordError
from matbench.model import Case, Conditions, Environment, Host, KernelCard, Library, Measurement, Problem
from matbench.pairing import Cell, PairBlock, PairEnd, PairHeader, PairProcess, PairRecord, Refusal, Sample, Settings
from matbench.record import bundles, store
from matbench.record.anonymous import anonymised
from matbench.record.bundles import Manifest, bundle_parts, bundled, is_bundle, take_in, write_bundle
from matbench.record.journal import encode_record
from matbench.record.reading import RUNS
from matbench.record.store import find_records, read_either, read_record, record_path

OTHER = "20261122T171203Z-aa0000"
RUN = record()
SECOND = record(header=header(OTHER, "blue-4cpu-000000"))
PAIR = PairRecord(
    PairHeader(
        id=ID,
        created="2026-11-22T16:12:03Z",
        machine="icelake-2cpu-3f9a1c",
        host=Host(logical_cpus=2),
        environment=Environment(),
        conditions=Conditions(),
        command="matbench pair slow mine.py:fast",
        seed=1,
        settings=Settings(),
        cells=(Cell(Problem(8, 8, 8), 1, "slow", "mine.py:fast"),),
        digests={"mine.py:fast": "0123"},
    ),
    (PairProcess(0, 17, elapsed_ns=10**9, void="it was throttled"),),
    (PairBlock(0, 0, 0, 7, tuple(Sample(arm, 10**6) for arm in "acb")),),
    (Refusal(0, "wrong", "fast prints"),),
    PairEnd(finished="2026-11-22T16:13:00Z", elapsed_s=20.0, conditions=Conditions()),
)
ALL = (RUN, SECOND, PAIR)
MANIFEST = Manifest(runs=2, comparisons=1)


def nothing_found(_):
    return ()


def lines_of(records=ALL, manifest=MANIFEST) -> list[bytes]:
    return gzip.decompress(bundled(records, manifest)).splitlines(keepends=True)


@pytest.fixture
def bundle(tmp_path) -> Path:
    path = tmp_path / "b.gz"
    write_bundle(path, ALL, MANIFEST)
    return path


@pytest.fixture
def results(tmp_path) -> Path:
    return tmp_path / "results"


def packed(path: Path, lines) -> Path:
    """A bundle with other lines."""
    path.write_bytes(gzip.compress(b"".join(lines)))
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refusal(path: Path, results: Path, findings=nothing_found) -> str:
    """Why a bundle is refused, in one line; nothing may then have been written, changed or made."""
    before = files(results)
    with pytest.raises(RecordError) as caught:
        take_in(path, results, findings)
    assert files(results) == before
    message = str(caught.value)
    assert message.isprintable()
    return message


def test_what_was_bundled_comes_back(bundle):
    assert tuple(part.record for part in bundle_parts(bundle)) == ALL
    assert is_bundle(bundle)


def test_a_part_tells_the_line_it_begins_at(bundle):
    lines = lines_of()
    for part in bundle_parts(bundle):
        assert json.loads(lines[part.line - 1])["type"] in {"header", "pairs"}


def test_equal_records_make_equal_bundles(bundle):
    assert bundled(ALL, MANIFEST) == bundle.read_bytes()


def test_a_bundle_is_lines_that_any_tool_can_read(bundle):
    with gzip.open(bundle, "rt", encoding="utf-8") as stream:
        first, *rest = map(json.loads, stream)
    assert first == {"type": "bundle", "schema": 1, "runs": 2, "comparisons": 1}
    assert sum(line["type"] == "header" for line in rest) == 2


def test_taken_in_each_record_lies_where_it_belongs(bundle, results):
    kept = take_in(bundle, results, nothing_found)
    assert [each.is_new for each in kept] == [True] * 3
    assert [each.path for each in kept] == [record_path(results, each.header) for each in ALL]
    assert tuple(read_either(each.path) for each in kept) == ALL


def test_taken_in_twice_nothing_changes(bundle, results):
    take_in(bundle, results, nothing_found)
    before = files(results)
    assert [each.is_new for each in take_in(bundle, results, nothing_found)] == [False] * 3
    assert files(results) == before


def test_one_that_is_there_already_stays_beside_those_that_are_new(bundle, results):
    placed(results, encode_record(RUN))
    assert [each.is_new for each in take_in(bundle, results, nothing_found)] == [False, True, True]


def test_the_same_run_under_another_label_of_its_machine_stays(bundle, results):
    there = placed(results, encode_record(record(header=header(machine="mine"))), machine="mine")
    kept = take_in(bundle, results, nothing_found)
    assert kept[0] == (there, False)
    assert len(find_records(results)) == 2


@pytest.mark.parametrize("machine", ["icelake-2cpu-3f9a1c", "mine"])
def test_another_record_of_the_same_id_is_refused_and_nothing_is_taken(bundle, results, machine):
    placed(
        results, encode_record(record(header=header(machine=machine, created="2026-11-22T16:12:04Z"))), machine=machine
    )
    message = refusal(bundle, results)
    assert "line 2 of b.gz" in message
    assert f"another record has the id '{ID}'" in message


@pytest.mark.parametrize("name", ["../up", "a/b", "a\\b", "", ".", "..", "con", "two\nlines", "x" * 61, "-x", "é"])
@pytest.mark.parametrize("field", ["id", "machine"])
def test_no_name_leads_out_of_the_results_folder(tmp_path, results, field, name):
    lines = lines_of()
    place = next(n for n, line in enumerate(lines) if OTHER.encode() in line)
    lines[place] = json.dumps(json.loads(lines[place]) | {field: name}, separators=(",", ":")).encode() + b"\n"
    before = sorted(tmp_path.rglob("*"))
    message = refusal(packed(tmp_path / "evil.gz", lines), results)
    assert f"line {place + 1}" in message
    assert sorted(tmp_path.rglob("*")) == [*before, tmp_path / "evil.gz"]


def test_no_link_in_the_store_leads_what_is_written_out_of_it(bundle, results, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (results / "records").mkdir(parents=True)
    (results / "records" / SECOND.header.machine).symlink_to(outside, target_is_directory=True)
    assert "leads out of the results folder" in refusal(bundle, results)
    assert list(outside.iterdir()) == []


def test_what_is_not_plausible_is_refused_with_its_line_and_reason(bundle, results):
    def findings(each):
        return ("It is too fast.",) if each == SECOND else ()

    message = refusal(bundle, results, findings)
    assert message.startswith("the record that begins in line 7 of b.gz is not plausible: It is too fast; ask its")


def changed(place, line) -> list[bytes]:
    lines = lines_of()
    lines[place] = line
    return lines


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "line 1 of odd.gz is no manifest"),
        ([b"\n"], "line 1 of odd.gz is no manifest"),
        (lines_of()[1:], "line 1 of odd.gz is no manifest"),
        (changed(0, b'{"type":"bundle","schema":1,"runs":2,"comparisons":1,"path":"/x"}\n'), "`path`"),
        (changed(0, b'{"type":"bundle","schema":9,"later":{}}\n'), "written by a newer matbench (bundle schema 9"),
        (changed(0, b'{"type":"bundle","schema":1,"runs":3,"comparisons":1}\n'), "holds 2 runs and 1 comparisons, but"),
        (lines_of()[:-5], "but its first line says 2 and 1"),
        ([*lines_of(), b"{}\n"], "of odd.gz follows the end of the record"),
        ([*lines_of(), *lines_of()], "of odd.gz follows the end of the record"),
        (changed(3, b'{"type":"measurement"}\n'), "line 4 of odd.gz is broken"),
        (changed(3, lines_of()[3][:40] + b"\n"), "line 4 of odd.gz is broken"),
        (changed(4, b'{"type":"end"\n'), "line 5 of odd.gz is broken"),
        (changed(1, lines_of()[1].replace(b'"schema":1', b'"schema":7', 1)), "newer matbench (schema 7"),
        (changed(1, b" " + lines_of()[1].replace(b'"seed":1', b'"seed":NaN', 1)), "(line 2: "),
        (changed(6, b" " + lines_of()[6]), "line 7 of odd.gz follows the end"),
        ([*lines_of((RUN, RUN), Manifest(runs=2, comparisons=0))], "line 7 of odd.gz begins a record with the id of"),
        (
            lines_of((RUN, record(header=header(ID.lower(), "m"))), Manifest(runs=2, comparisons=0)),
            "with the id of that in line 2",
        ),
        (changed(3, b"[" * 100_000 + b"\n"), "line 4 of odd.gz is broken"),
        (changed(3, b'{"type":"measurement","x":' + b"[" * 100_000 + b"\n"), "line 4 of odd.gz is broken"),
    ],
)
def test_a_bundle_that_is_not_wholly_good_is_refused_with_its_line(tmp_path, results, lines, words):
    assert words in refusal(packed(tmp_path / "odd.gz", lines), results)


def test_a_bundle_cut_anywhere_is_refused(bundle, results):
    data = bundle.read_bytes()
    for cut in range(0, len(data), 7):
        bundle.write_bytes(data[:cut])
        assert refusal(bundle, results)


def test_a_bundle_with_a_flipped_bit_is_refused_or_the_same(bundle):
    data = bundle.read_bytes()
    for place in range(0, len(data), 11):
        bundle.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        try:
            found = tuple(part.record for part in bundle_parts(bundle))
        except RecordError:
            continue
        assert found == ALL  # a bit that means nothing, such as the system that packed it


NO_BUNDLES = {
    "empty": b"",
    "text": b"text",
    "zip": b"PK\x03\x04",
    "only the mark of gzip": b"\x1f\x8b",
    "an empty header of gzip": b"\x1f\x8b\x08\x00" + bytes(40),
    "many empty members": gzip.compress(b"") * 1000,
}


@pytest.mark.parametrize("data", NO_BUNDLES.values(), ids=list(NO_BUNDLES))
def test_what_is_no_bundle_is_refused(tmp_path, results, data):
    path = tmp_path / "odd.gz"
    path.write_bytes(data)
    assert "odd.gz" in refusal(path, results)


def test_what_expands_without_end_is_refused_at_its_limit(tmp_path, results, monkeypatch):
    monkeypatch.setattr(bundles, "EXPANDED_LIMIT", 10**6)
    spaces = [lines_of()[0], *([b" " * 10**5 + lines_of()[2]] * 20)]
    assert "expands to more than" in refusal(packed(tmp_path / "bomb.gz", [*lines_of()[:2], *spaces[1:]]), results)


def test_one_endless_line_is_refused_without_holding_it(tmp_path, results):
    packed_to = io.BytesIO()
    with gzip.GzipFile(fileobj=packed_to, mode="wb") as stream:
        stream.write(lines_of()[0])
        for _ in range(64):
            stream.write(b" " * 2**20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(packed_to.getvalue())
    assert path.stat().st_size < 2**17
    assert "line 2 of bomb.gz is longer than 1 MiB" in refusal(path, results)


def test_a_record_larger_than_any_run_is_refused(tmp_path, results, monkeypatch):
    path = packed(tmp_path / "large.gz", lines_of())
    monkeypatch.setattr(bundles, "PART_LIMIT", 1000)
    assert "larger than 64 MiB" in refusal(path, results)


@pytest.mark.parametrize("limit", ["PART_LIMIT", "EXPANDED_LIMIT", "LINES_LIMIT", "FILE_LIMIT"])
def test_no_bundle_is_written_that_would_not_be_taken_in(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(bundles, limit, 5)
    with pytest.raises(RecordError, match="larger than" if limit == "FILE_LIMIT" else f"{ID} .*is larger than"):
        write_bundle(tmp_path / "b.gz", ALL, MANIFEST)
    assert list(tmp_path.iterdir()) == []


def test_a_header_that_grows_beyond_a_line_when_written_out_is_refused(tmp_path, results):
    block = {"problem": {"m": 1, "n": 1, "k": 1}, "arms": []}
    lines = lines_of((RUN,), Manifest(runs=1, comparisons=0))
    first = json.loads(lines[1])
    first["plan"]["blocks"] = [block] * 20_000
    lines[1] = json.dumps(first, separators=(",", ":")).encode() + b"\n"
    assert len(lines[1]) < 2**20
    assert "longer than 1 MiB when written out" in refusal(packed(tmp_path / "tight.gz", lines), results)


def test_a_disk_that_fills_up_leaves_nothing_behind(bundle, results, monkeypatch):
    real = store.keep

    def full(each, folder):
        if each == PAIR:
            raise RecordError("there is no space left for it; free some")
        return real(each, folder)

    monkeypatch.setattr(store, "keep", full)
    assert "no space left" in refusal(bundle, results)
    assert find_records(results) == []
    assert not list((results / "records").iterdir())


@pytest.mark.parametrize("make", [lambda path: path.write_text("mine"), lambda path: path.symlink_to("nowhere")])
def test_only_another_bundle_gives_way_to_a_bundle(tmp_path, make):
    path = tmp_path / "mine"
    make(path)
    with pytest.raises(RecordError, match="is there already and no bundle"):
        write_bundle(path, ALL, MANIFEST)
    assert path.is_symlink() or path.read_text() == "mine"


@pytest.mark.parametrize("text", [b"", b"thesis.tex", b'{"type":"bundle"}\n', b"\0" * 10**6])
def test_no_other_compressed_file_gives_way_to_a_bundle(tmp_path, text):
    path = tmp_path / "thesis.tar.gz"
    path.write_bytes(gzip.compress(text))
    before = path.read_bytes()
    with pytest.raises(RecordError, match="is there already and no bundle"):
        write_bundle(path, ALL, MANIFEST)
    assert path.read_bytes() == before


def test_a_newer_bundle_takes_the_place_of_the_older(bundle):
    write_bundle(bundle, (RUN,), Manifest(runs=1, comparisons=0))
    assert [part.record for part in bundle_parts(bundle)] == [RUN]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_bundle_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert not is_bundle(tmp_path / "pipe")
    assert not is_bundle(tmp_path / "missing")
    assert not is_bundle(tmp_path)


# -- what is handed over says nothing about its owner ------------------------------------------------------------------

PRIVATE = frozenset({"ada", "lovelace-laptop"})


def private_run():
    environment = Environment(
        system_release="6.1-lovelace-laptop",
        libraries=(Library("blas", "openblas", filename="lib-lovelace-laptop.so"),),
        variables={"OMP_NUM_THREADS": "2", "MKL_X": "/home/ada/mkl"},
    )
    plan = msgspec.structs.replace(header().plan, command="matbench run --kernels /home/ada/kernels.py")
    made = header(
        machine="lovelace-laptop",
        environment=environment,
        plan=plan,
        kernels=(KernelCard("numpy_matmul", "BLAS", "all of it", origin="ada-kernels"),),
    )
    reason = "File /home/ada/kernels.py, line 3, on lovelace-laptop"
    measured = Measurement(
        Case("numpy_matmul", Problem(64, 64, 64)), outcome="ended", reason=reason, samples=samples(9)
    )
    end = msgspec.structs.replace(END, warnings=("ada interrupted it",))
    return record(header=made, measurements=(measured,), end=end)


def test_no_name_and_no_path_is_left_in_a_run_that_is_handed_over():
    made = anonymised(private_run(), PRIVATE)
    text = encode_record(made).decode().lower()
    assert "ada" not in text
    assert "lovelace" not in text
    assert "/home" not in text
    assert made.header.machine.startswith("cpu-2cpu-")


def test_no_name_is_left_in_comparisons_that_are_handed_over():
    made = msgspec.structs.replace(PAIR.header.cells[0], a="/home/ada/mine.py:ada")
    head = msgspec.structs.replace(
        PAIR.header, cells=(made,), digests={"ada.py:f": "01"}, command="matbench pair ada x"
    )
    process = msgspec.structs.replace(PAIR.processes[0], void="ada stopped it")
    refused = Refusal(0, "wrong", "File /home/ada/mine.py prints")
    found = anonymised(msgspec.structs.replace(PAIR, header=head, processes=(process,), refusals=(refused,)), PRIVATE)
    assert "ada" not in encode_record(found).decode()
    assert found.blocks == PAIR.blocks


def test_what_was_measured_and_the_names_of_kernels_stay():
    made = anonymised(private_run(), PRIVATE | {"numpy", "python", "matmul"})
    assert made.measurements[0].case == private_run().measurements[0].case
    assert made.measurements[0].samples == private_run().measurements[0].samples
    assert made.header.plan.blocks == private_run().header.plan.blocks
    assert [card.name for card in made.header.kernels] == ["numpy_matmul"]


@pytest.mark.parametrize("each", ALL, ids=["run", "other run", "comparison"])
def test_what_tells_nothing_is_handed_over_as_it_is(each):
    assert anonymised(each, PRIVATE) == each


def test_either_kind_is_read_by_its_first_line(results):
    for each in ALL:
        path = record_path(results, each.header)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_record(each))
        assert read_either(path) == each
    assert read_record(record_path(results, RUN.header)) == RUN
    assert RUNS.folder in str(record_path(results, RUN.header))
