"""Whatever is in a file that claims to be ours: a record, or one sentence that says why not; never anything else."""

from __future__ import annotations

import gzip
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO

import msgspec
import pytest
from fuzzing import damaged, fuzz, scratched
from hypothesis import given
from hypothesis import strategies as st
from store_examples import header, record, samples
from test_bundles import ALL, MANIFEST, PAIR, files

from matbench.analyse.ladder import tabulate
from matbench.analyse.plausible import implausible
from matbench.analyse.plausible_pairs import implausible_pairs
from matbench.errors import MatbenchError, RecordError
from matbench.model import Ceiling, Measurement, Problem, Record
from matbench.pairing import PAIR_SCHEMA, NoiseFloor
from matbench.record.bundles import bundled, take_in
from matbench.record.islands import island, records_in
from matbench.record.journal import Journal, encode_record
from matbench.record.listing import list_files
from matbench.record.noise import keep_noise, known_noise, noise_path
from matbench.record.reading import LINES_LIMIT, PAIRS, RUNS, limited_lines, read_record, split_data, split_lines
from matbench.record.store import keep, read_either, record_path
from matbench.record.tuning import known_tuning, tuning_path
from matbench.tuning import Tuned, TunedBlocks, Tuning

NOW = datetime(2027, 1, 1, tzinfo=UTC)
RUN = record(
    ceilings=(Ceiling("fma", "float64", 8, 2, 10**6, samples=samples(9000)), Ceiling("read", "float64", 1, 1, 10**6)),
    measurements=(
        *record().measurements,
        Measurement(record().measurements[1].case, samples=samples(10**6, 10**6, process=1)),
    ),
)
RUN_LINES = encode_record(RUN).splitlines(keepends=True)
PAIR_LINES = encode_record(PAIR).splitlines(keepends=True)
BUNDLE_LINES = gzip.decompress(bundled(ALL, MANIFEST)).splitlines(keepends=True)
PAGE = f"<!doctype html><title>x</title>{island(RUN)}<p>x</p>{island(record(header=header('b', 'm')))}".encode()
BLOCKS = TunedBlocks("numba_gemm", "float64", 8, 512, 240)
TUNED = Tuned(blocks=BLOCKS, derived=BLOCKS, rows=8, vectors=3, lanes=8, threads=(1,), sizes=(512,), measured="x")
TUNING = msgspec.json.encode(Tuning(host_id="h", found=(TUNED,)))


def one_sentence(error: MatbenchError) -> None:
    """What is shown of a refusal is a line of printable text with a remedy."""
    text = str(error)
    assert text.isprintable()
    assert "; " in text
    assert len(text) < 1500
    assert error.exit_code in {1, 2, 3}


def split(data: bytes, kind):
    """What a file says, read line by line, and None where it is refused."""
    try:
        return split_lines(limited_lines(BytesIO(data), "x.jsonl"), "x.jsonl", kind)
    except RecordError as error:
        one_sentence(error)
        return None


def folder_of(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


runs = damaged(RUN_LINES) | scratched(b"".join(RUN_LINES)) | st.binary(max_size=200)
pairs = damaged(PAIR_LINES) | scratched(b"".join(PAIR_LINES))


@fuzz(300)
@given(runs | pairs, st.sampled_from((RUNS, PAIRS)))
def test_read_at_once_a_file_says_what_it_says_line_by_line(data, kind):
    slowly = split(data, kind)
    try:
        at_once = split_data(data, "x.jsonl", kind)
    except RecordError:
        at_once = None
    assert at_once == slowly


@fuzz(200)
@given(data=runs | pairs)
def test_any_file_is_a_record_or_a_sentence(tmp_path_factory, data):
    folder = folder_of(tmp_path_factory)
    path = folder / "x.jsonl"
    path.write_bytes(data)
    listed, refused = list_files([path])
    assert len(listed) + len(refused) == 1
    try:
        found = read_either(path)
    except RecordError as error:
        one_sentence(error)
        return
    assert listed, "what can be read can be listed"
    findings = implausible(found, NOW) if isinstance(found, Record) else implausible_pairs(found, {}, NOW)
    assert all(each.isprintable() for each in findings)
    if isinstance(found, Record):
        tabulate(found)
    kept_or_refused(found, folder / "results")


def kept_or_refused(found, results):
    """Taken into the store it says the same, and lies in the store."""
    try:
        path, is_new = keep(found, results)
    except RecordError as error:
        one_sentence(error)
        assert files(results) == {}
        return
    assert is_new
    assert path.resolve().is_relative_to(results.resolve())
    assert path == record_path(results, found.header)
    assert read_either(path).header == found.header


@fuzz(150)
@given(data=runs)
def test_a_journal_is_reopened_or_left_as_it_is(tmp_path_factory, data):
    path = folder_of(tmp_path_factory) / "x.jsonl"
    path.write_bytes(data)
    try:
        before = read_record(path)
        journal = Journal.reopen(path)
    except RecordError as error:
        one_sentence(error)
        assert path.read_bytes() == data
        return
    with journal:
        journal.append(Measurement(RUN.measurements[0].case, samples=samples(7, process=3)))
    after = read_record(path)
    assert (after.header, after.warnings) == (before.header, ())
    assert sum(len(each.samples) for each in after.measurements) == 1 + sum(
        len(each.samples) for each in before.measurements
    )


def lines_as_bundle(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=1)


@fuzz(200)
@given(data=damaged(BUNDLE_LINES).map(lines_as_bundle) | scratched(bundled(ALL, MANIFEST)))
def test_any_bundle_is_taken_in_wholly_or_not_at_all(tmp_path_factory, data):
    folder = folder_of(tmp_path_factory)
    path, results = folder / "x.gz", folder / "results"
    path.write_bytes(data)
    try:
        kept = take_in(path, results, lambda _: ())
    except RecordError as error:
        one_sentence(error)
        assert files(results) == {}
    else:
        assert len(kept) == len(files(results))
    assert sorted(each.name for each in folder.iterdir()) in (["results", "x.gz"], ["x.gz"])


@fuzz(300)
@given(scratched(PAGE))
def test_any_page_holds_records_or_is_refused(data):
    with suppress(RecordError):
        assert tuple(records_in(data, "x.html"))


@fuzz(300)
@given(
    data=scratched(b'{"schema":1,"host_id":"h","floor":0.01,"comparisons":3,"measured":"x"}') | st.binary(max_size=60)
)
def test_any_noise_floor_is_known_or_not(tmp_path_factory, data):
    folder = folder_of(tmp_path_factory)
    noise_path("h", folder).write_bytes(data)
    found = known_noise("h", folder)
    assert found is None or 0 <= found.floor < 1


def test_a_noise_floor_that_is_kept_is_known(tmp_path):
    noise = NoiseFloor(schema=PAIR_SCHEMA, host_id="h", floor=0.01, comparisons=3, measured="x")
    keep_noise(noise, tmp_path)
    assert known_noise("h", tmp_path) == noise


@fuzz(300)
@given(data=scratched(TUNING) | st.binary(max_size=60))
def test_any_tuning_is_known_or_not(tmp_path_factory, data):
    folder = folder_of(tmp_path_factory)
    tuning_path("h", folder).write_bytes(data)
    found = known_tuning("h", folder)
    assert found is None or all(each.blocks.words and each.threads for each in found.found)


# -- the cases that were asked for by name -----------------------------------------------------------------------------


def refused(tmp_path, data: bytes) -> str:
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    with pytest.raises(RecordError) as caught:
        read_either(path)
    one_sentence(caught.value)
    return str(caught.value)


def test_a_million_blank_lines_are_refused_at_the_second(tmp_path):
    assert "line 2" in refused(tmp_path, RUN_LINES[0] + b"\n" * 999_999)


def test_a_million_good_lines_are_refused_by_their_number(tmp_path):
    short = b'{"type":"measurement","case":{"kernel":"x","problem":{"m":1,"n":1,"k":1}}}\n'
    assert f"more than {LINES_LIMIT:,} lines" in refused(tmp_path, RUN_LINES[0] + short * LINES_LIMIT)


@pytest.mark.parametrize("number", [b"0", b"-5", b"NaN", b"Infinity", b"1e999", b"0.5", b"4611686018427387905"])
def test_no_time_is_zero_negative_infinite_or_none(tmp_path, number):
    data = b"".join(RUN_LINES).replace(b"40000", number)
    assert "line 4 of x.jsonl is broken" in refused(tmp_path, data)


@pytest.mark.parametrize("depth", [100, 900, 1100, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_deeply_nested_values_are_refused(tmp_path, depth, opening, closing):
    deep = opening * depth + b"1" + closing * depth
    head = RUN_LINES[0].replace(b'"seed":1', b'"seed":' + deep, 1)
    assert "line 1" in refused(tmp_path, head + b"".join(RUN_LINES[1:]))
    unknown = b'{"type":"measurement","case":' + deep + b"}\n"
    assert "line 2" in refused(tmp_path, RUN_LINES[0] + unknown + b"".join(RUN_LINES[1:]))


def test_two_records_of_one_id_and_other_content_never_replace_each_other(tmp_path):
    first = keep(RUN, tmp_path).path
    before = first.read_bytes()
    other = record(header=header(), measurements=(Measurement(RUN.measurements[0].case, samples=samples(1)),))
    for each in (other, record(header=header(machine="other"), measurements=other.measurements)):
        with pytest.raises(RecordError, match="another record has the id") as caught:
            keep(each, tmp_path)
        one_sentence(caught.value)
    assert files(tmp_path) == {str(first.relative_to(tmp_path)): before}


def test_comparisons_and_a_run_may_share_an_id(tmp_path):
    assert keep(RUN, tmp_path).is_new
    assert keep(PAIR, tmp_path).is_new
    assert Problem(8, 8, 8) == PAIR.header.cells[0].problem
