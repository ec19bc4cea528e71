"""Records in pages: what is put in comes out, whatever the texts say; what a stranger spoilt is a sentence."""

import contextlib
import json

import msgspec
import pytest
import store_examples
from hypothesis import given
from hypothesis import strategies as st

from matbench.errors import RecordError
from matbench.model import Measurement
from matbench.record import islands
from matbench.record.islands import is_page, island, page_records, read_page, records_in
from matbench.record.journal import encode_record

PLAIN = store_examples.record()
TRAPS = ("</script><script>alert(1)</script>", "<!--", "&lt;", "\u2028\u2029", "a\x00b", '"\\', "\u202e", "]]>")


def page_of(*records, before="<!doctype html><title>x</title>", after="</body>"):
    return f"{before}{''.join(map(island, records))}{after}".encode()


def told(page):
    return tuple(records_in(page, "page.html"))


def test_a_record_comes_out_of_a_page_byte_for_byte():
    (back,) = told(page_of(PLAIN))
    assert back == PLAIN
    assert encode_record(back) == encode_record(PLAIN)


def test_several_records_come_out_in_their_order():
    records = [store_examples.record(header=store_examples.header(record_id=f"20261122T16120{i}Z-a")) for i in range(3)]
    assert told(page_of(*records)) == tuple(records)


@given(store_examples.distinct_measurements)
def test_whatever_was_measured_comes_out(found):
    record = store_examples.record(measurements=found)
    (back,) = told(page_of(record))
    assert encode_record(back) == encode_record(record)


@pytest.mark.parametrize("trap", TRAPS)
def test_no_text_ends_the_element_or_begins_another(trap):
    record = store_examples.record(measurements=(Measurement(store_examples.FAST, outcome="skipped", reason=trap),))
    text = island(record)
    assert text.count("<") == 2  # of the element itself
    assert not set("&\u2028\u2029\0") & set(text)
    assert told(page_of(record)) == (record,)


def test_an_incomplete_record_comes_out_incomplete():
    record = store_examples.record(end=None)
    assert told(page_of(record)) == (record,)


def test_the_island_is_json_to_any_program():
    text = island(PLAIN)
    values = json.loads(text[text.index(">") + 1 : text.rindex("<")])
    assert [each["type"] for each in values] == ["header", "ceiling", "measurement", "measurement", "end"]
    assert values[0]["schema"] == PLAIN.header.schema


def test_a_page_that_an_editor_laid_out_anew_is_still_read():
    text = island(PLAIN)
    values = json.loads(text[text.index(">") + 1 : text.rindex("<")])
    wide = text[: text.index(">") + 1] + json.dumps(values, indent=4).replace("\n", "\r\n") + text[text.rindex("<") :]
    assert told(wide.encode()) == (PLAIN,)


BEGIN = '<script type="application/json" class="matbench-record">'
BROKEN = {
    "no island": ("<html>", "holds no record"),
    "empty island": (f"{BEGIN}[]</script>", "is empty"),
    "cut within": (page_of(PLAIN).decode()[:600], "cut short"),
    "no array": (f"{BEGIN}{{}}</script>", "broken data"),
    "not JSON": (f"{BEGIN}[oh</script>", "broken data"),
    "nested": (f"{BEGIN}{'[' * 100_000}{']' * 100_000}</script>", "page.html"),
    "another schema": (island(PLAIN).replace('"schema":1', '"schema":99'), "newer matbench"),
    "an unknown field": (island(PLAIN).replace('"seed":1', '"seed":1,"user":"ada"', 1), "unknown field"),
    "a broken last value": (island(PLAIN).replace('"type":"end"', '"type":"fin"'), "page.html"),
    "a long line": (f'{BEGIN}["{"x" * 2**21}"]</script>', "longer than 1 MiB"),
    "no measurement": (f"{BEGIN}[1, 2]</script>", "no record of matbench"),
}


@pytest.mark.parametrize(("page", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_spoilt_page_is_refused_in_one_sentence(page, reason):
    with pytest.raises(RecordError, match=reason) as caught:
        told(page.encode())
    assert "\n" not in str(caught.value)


def test_more_records_than_any_page_has_are_refused():
    with pytest.raises(RecordError, match="take it apart"):
        told(page_of(PLAIN) * 1001)


def test_a_large_island_is_read_a_line_at_a_time(monkeypatch):
    with pytest.raises(RecordError, match=r"line 1 of page\.html is longer than 1 MiB"):
        told(f"{BEGIN}[{'0,' * 2_500_000}0]</script>".encode())
    monkeypatch.setattr(islands, "_WHOLE_LIMIT", 0)
    assert told(page_of(PLAIN)) == (PLAIN,)
    for page, reason in BROKEN.values():
        with pytest.raises(RecordError, match=reason):
            told(page.encode())


@given(st.binary(max_size=300))
def test_no_bytes_whatever_do_anything_but_be_refused(junk):
    for page in (junk, BEGIN.encode() + junk + b"</script>", page_of(PLAIN)[:-40] + junk):
        with contextlib.suppress(RecordError):
            told(page)


def test_a_page_is_told_from_a_record_by_its_first_bytes(tmp_path):
    for name, data, expected in (
        ("a", b"\xef\xbb\xbf\n <!doctype html>", True),
        ("b", encode_record(PLAIN), False),
        ("c", b"", False),
    ):
        (tmp_path / name).write_bytes(data)
        assert is_page(tmp_path / name) is expected
    assert not is_page(tmp_path / "missing")
    assert not is_page(tmp_path)


def test_a_page_in_a_file_is_read_like_its_bytes(tmp_path):
    path = tmp_path / "report.html"
    path.write_bytes(page_of(PLAIN))
    assert read_page(path) == (PLAIN,)
    assert msgspec.json.encode(read_page(path)[0].measurements) == msgspec.json.encode(PLAIN.measurements)


def test_a_page_of_several_is_read_one_at_a_time(tmp_path):
    path = tmp_path / "report.html"
    path.write_bytes(page_of(PLAIN) + f"{BEGIN}[]</script>".encode())
    records = page_records(path)
    assert next(records) == PLAIN
    with pytest.raises(RecordError, match=r"record 2 of report\.html is empty"):
        next(records)


def test_a_record_larger_than_any_run_is_neither_written_nor_read(monkeypatch):
    page = page_of(PLAIN, PLAIN)
    monkeypatch.setattr(islands, "PART_LIMIT", 1000)
    with pytest.raises(RecordError, match=r"page\.html is larger than 64 MiB"):
        told(page)
    with pytest.raises(RecordError, match="more than a page may hold"):
        island(PLAIN)
