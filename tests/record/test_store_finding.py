"""Finding the record that is meant, and taking in a stranger's."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_examples import ID, header, placed, record, written

from matbench.errors import RecordError
from matbench.record.journal import Journal, encode_lines, encode_record
from matbench.record.names import is_safe_name
from matbench.record.store import (
    find_records,
    incomplete_records,
    keep_record,
    latest_record,
    new_record_id,
    read_record,
    record_path,
    resolve_record,
)

LATER = "20270101T000000Z-aa"
EARLIER = "20260101T000000Z-bb"


@pytest.fixture
def results(tmp_path) -> Path:
    """A results folder with three records of two machines."""
    folder = tmp_path / "results"
    for record_id, machine in ((LATER, "blue"), (ID, "red"), (EARLIER, "red")):
        placed(folder, encode_record(record(header=header(record_id, machine))), record_id, machine)
    return folder


def stems(paths) -> list[str]:
    return [path.stem for path in paths]


def test_an_id_begins_with_the_time_in_utc():
    there = datetime(2026, 11, 22, 18, 12, 3, tzinfo=timezone(timedelta(hours=2)))
    assert new_record_id(there, "3f9a1c") == ID
    assert is_safe_name(ID)


@pytest.mark.parametrize(
    ("now", "token"),
    [(datetime.fromisoformat("2026-01-01"), "a"), (datetime(2026, 1, 1, tzinfo=UTC), "../x")],
)
def test_an_id_needs_a_time_zone_and_a_plain_token(now, token):
    with pytest.raises(ValueError, match="of a record id"):
        new_record_id(now, token)


@given(st.text(max_size=70))
def test_a_safe_name_is_one_component_of_a_path(name):
    if is_safe_name(name):
        assert Path("a", name).parent == Path("a")
        assert name.isascii()
        assert not name.startswith(".")


@pytest.mark.parametrize("name", ["CON", "nul.txt", "Lpt1", "com9.a.b", "a.", "a ", "-a", ".", "a\\b", "a:b", "é"])
def test_a_name_that_some_system_mistakes_is_not_safe(name):
    assert not is_safe_name(name)


def test_records_are_listed_from_old_to_new_over_all_machines(results):
    assert stems(find_records(results)) == [EARLIER, ID, LATER]


def test_a_record_whose_id_tells_no_time_is_sorted_by_its_header(results):
    placed(
        results,
        encode_record(record(header=header("foreign", "red", created="2026-12-31T23:59:59Z"))),
        "foreign",
        "red",
    )
    assert stems(find_records(results)) == [EARLIER, ID, "foreign", LATER]


def test_records_of_one_second_are_sorted_by_when_they_were_written(results):
    for token, seconds in (("zz", 1), ("yy", 2)):
        path = placed(results, b"", f"20280101T000000Z-{token}", "red")
        os.utime(path, (seconds, seconds))
    assert stems(find_records(results))[-2:] == ["20280101T000000Z-zz", "20280101T000000Z-yy"]


def test_links_out_of_the_folder_and_other_files_are_not_listed(results, tmp_path):
    stranger = tmp_path / "20290101T000000Z-x.jsonl"
    stranger.write_bytes(encode_record(record()))
    (results / "records/red" / stranger.name).symlink_to(stranger)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / stranger.name).write_bytes(encode_record(record()))
    (results / "records/elsewhere").symlink_to(outside)
    (results / "records/red/circle.jsonl").symlink_to("circle.jsonl")
    (results / "records/red/folder.jsonl").mkdir()
    (results / "records/red" / f"{ID}.jsonl.broken").write_bytes(b"{")
    assert stems(find_records(results)) == [EARLIER, ID, LATER]


def test_the_latest_is_the_newest_of_all(results):
    assert latest_record(results).stem == LATER
    assert resolve_record(None, results).stem == LATER


@pytest.mark.parametrize("argument", [None, "red"])
def test_without_any_record_the_remedy_is_to_run(tmp_path, argument):
    with pytest.raises(RecordError, match="run `matbench run` first"):
        resolve_record(argument, tmp_path)


@pytest.mark.parametrize(
    ("argument", "meant"),
    [(ID, ID), (f"{ID}.jsonl", ID), ("20260101", EARLIER), ("red", ID), ("blue", LATER), ("20261122T16", ID)],
)
def test_a_record_is_meant_by_id_or_its_beginning_or_machine(results, argument, meant):
    assert resolve_record(argument, results).stem == meant


def test_a_record_is_meant_by_its_path(results, tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_bytes(encode_record(record()))
    assert resolve_record(str(path), results) == path


def test_an_ambiguous_beginning_lists_what_it_could_mean(results):
    with pytest.raises(RecordError, match=f"{EARLIER}, {ID}; write more of it"):
        resolve_record("2026", results)


@pytest.mark.parametrize(
    "argument", ["", "missing", "a\0b", "x" * 10_000, "no/such/file.jsonl", "\x1b[31m", "\udcff", "."]
)
def test_an_unknown_record_is_told_of_in_one_printable_sentence(results, argument):
    with pytest.raises(RecordError, match="there is no file, record or machine") as caught:
        resolve_record(argument, results)
    assert str(caught.value).isprintable()


def test_a_misspelt_machine_is_guessed(results):
    with pytest.raises(RecordError, match="did you mean 'blue'"):
        resolve_record("bleu", results)


def test_incomplete_records_are_those_of_this_machine_without_an_end(results):
    unfinished = written(results)
    own = header().host.host_id
    placed(results, b"no record", "20260202T000000Z-x", "red")
    assert incomplete_records(results, own) == [unfinished]
    assert incomplete_records(results, own, header().environment.env_id) == [unfinished]
    assert incomplete_records(results, own, "other software") == []
    assert incomplete_records(results, "another") == []
    Journal.reopen(unfinished).finish(record().end)
    assert incomplete_records(results, own) == []


def test_no_record_is_told_to_be_of_a_machine_that_is_unknown(tmp_path):
    host = msgspec.structs.replace(header().host, host_id="unknown")
    placed(tmp_path, encode_lines(header(host=host)))
    assert incomplete_records(tmp_path, "unknown") == []


def imported(tmp_path, data: bytes) -> Path:
    source = tmp_path / "source.jsonl"
    source.write_bytes(data)
    return keep_record(read_record(source), tmp_path / "results")


def test_a_strangers_record_comes_to_where_its_header_says(tmp_path):
    path = imported(tmp_path, encode_record(record()).replace(b"\n", b" \r\n"))
    assert path == record_path(tmp_path / "results", header())
    assert path.read_bytes() == encode_record(record())
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_importing_a_second_time_changes_nothing(tmp_path):
    path = imported(tmp_path, encode_record(record()))
    before = path.stat()
    assert imported(tmp_path, encode_record(record()) + b"") == path
    assert path.stat() == before


def test_another_record_of_the_same_id_is_refused(tmp_path):
    path = imported(tmp_path, encode_record(record()))
    with pytest.raises(RecordError, match="another record has the id"):
        imported(tmp_path, encode_record(record(measurements=())))
    assert read_record(path) == record()


@pytest.mark.parametrize("name", ["../../evil", "/etc", "..", "con", "a/b", "a\\b", "x" * 61])
def test_a_name_that_leads_elsewhere_is_refused_and_nothing_written(tmp_path, name):
    for fields in ({"machine": name}, {"record_id": name}):
        with pytest.raises(RecordError, match="can't be a file name"):
            imported(tmp_path, encode_record(record(header=header(**fields))))
    assert [path.name for path in tmp_path.iterdir()] == ["source.jsonl"]


def test_a_link_out_of_the_results_folder_is_not_written_through(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    records = tmp_path / "results/records"
    records.mkdir(parents=True)
    (records / header().machine).symlink_to(outside)
    with pytest.raises(RecordError, match="leads out of the results folder"):
        imported(tmp_path, encode_record(record()))
    assert not list(outside.iterdir())


def test_a_dangling_link_in_the_place_of_a_record_is_not_written_through(tmp_path):
    target = record_path(tmp_path / "results", header())
    target.parent.mkdir(parents=True)
    target.symlink_to(tmp_path / "outside.jsonl")
    with pytest.raises(RecordError):
        imported(tmp_path, encode_record(record()))
    assert not (tmp_path / "outside.jsonl").exists()


def test_a_record_that_is_being_written_is_not_replaced(tmp_path):
    with (
        Journal.create(tmp_path / "results", header()),
        pytest.raises(RecordError, match="being written by another run"),
    ):
        imported(tmp_path, encode_record(record()))


@given(st.binary(max_size=200))
def test_importing_random_bytes_writes_nothing(tmp_path_factory, noise):
    folder = tmp_path_factory.mktemp("noise")
    with pytest.raises(RecordError):
        imported(folder, noise)
    assert not (folder / "results").exists()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("reslts/records", "results/records"), ("reslts", "results"), ("results/recrods/blue", "results/records/blue")],
)
@pytest.mark.usefixtures("results")
def test_a_misspelt_path_is_guessed_part_by_part(tmp_path, monkeypatch, typed, meant):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordError, match=f"; did you mean '{Path(meant)}'\\?$"):
        resolve_record(typed, Path("results"), many=True)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("far/away", "check the path, or choose from what matbench records lists"),
        ("reslts/records", "check the path, or choose from what matbench records lists"),
        ("nope", f"the latest is '{LATER}' of 'blue', and matbench records lists all"),
        ("reslts", f"the latest is '{LATER}' of 'blue', and matbench records lists all"),
        ("mien.txt", f"the latest is '{LATER}' of 'blue', and matbench records lists all"),
        ("mien.jsonl", "did you mean 'mine.jsonl'?"),
    ],
)
@pytest.mark.usefixtures("results")
def test_where_a_record_is_meant_nothing_else_is_guessed(tmp_path, monkeypatch, typed, said):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.txt", "mine.jsonl"):
        (tmp_path / name).touch()
    with pytest.raises(RecordError) as caught:
        resolve_record(typed, Path("results"))
    assert str(caught.value) == f"there is no file, record or machine '{typed}'; {said}"
