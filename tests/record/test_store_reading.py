"""Reading records back, whoever wrote them."""

from __future__ import annotations

import json
import os
import sys
from io import BytesIO

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_examples import END, FAST, SLOW, distinct_measurements, header, many_samples, measurements, record, samples

from matbench.errors import MatbenchError, RecordError
from matbench.model import SCHEMA, Ceiling, Measurement, Problem, Record
from matbench.record import reading
from matbench.record.journal import encode_lines, encode_record
from matbench.record.reading import merge_ceilings, merge_measurements, read_header, read_record, record_from_lines

WHOLE = encode_record(record())


def parsed(data: bytes) -> Record:
    return record_from_lines(BytesIO(data), "some.jsonl")


def refusal(data: bytes) -> str:
    """The message with which `data` is refused: one sentence on one line."""
    with pytest.raises(RecordError) as caught:
        parsed(data)
    message = str(caught.value)
    assert message.isprintable()
    assert "; " in message
    return message


def test_a_record_reads_back_as_it_was_written(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_bytes(WHOLE)
    assert read_record(path) == record()
    assert read_header(path) == header()


@settings(max_examples=40)
@given(distinct_measurements)
def test_any_measurements_read_back_as_they_were_written(values):
    assert parsed(encode_record(record(measurements=values))).measurements == values


def test_the_schema_is_written_even_where_it_is_the_default():
    assert json.loads(encode_lines(header()))["schema"] == SCHEMA


def test_lines_of_one_case_are_merged_in_the_order_of_the_file():
    lines = [
        header(),
        Measurement(FAST, samples=samples(10, 11), first_call_ns=99, error=0.5),
        Measurement(SLOW, samples=samples(500)),
        Measurement(FAST, samples=samples(12, process=1)),
        END,
    ]
    fast, slow = parsed(b"".join(map(encode_lines, lines))).measurements
    assert fast.samples == samples(10, 11).joined(samples(12, process=1))
    assert (fast.first_call_ns, fast.error, fast.outcome) == (99, 0.5, "measured")
    assert slow.samples.elapsed_ns == (500,)


@pytest.mark.parametrize("outcome", ["wrong", "ended"])
def test_a_later_wrong_or_ended_decides_the_outcome(outcome):
    (merged,) = merge_measurements(
        [Measurement(FAST, samples=samples(10), error=0.5), Measurement(FAST, outcome=outcome, reason="because")]
    )
    assert (merged.outcome, merged.reason, merged.error) == (outcome, "because", 0.5)
    assert merged.samples == samples(10)


def test_a_wrong_result_is_never_softened_to_ended():
    parts = [
        Measurement(FAST, outcome="wrong", reason="off", error=9.0),
        Measurement(FAST, outcome="ended", reason="t"),
    ]
    for order in (parts, parts[::-1]):
        (merged,) = merge_measurements(order)
        assert (merged.outcome, merged.reason, merged.error) == ("wrong", "off", 9.0)


@given(distinct_measurements)
def test_merging_distinct_cases_changes_nothing(values):
    assert merge_measurements(values) == values


@given(measurements, st.lists(many_samples, max_size=4))
def test_no_sample_is_lost_in_merging(first, further):
    (merged,) = merge_measurements([first, *(Measurement(first.case, samples=each) for each in further)])
    expected = first.samples
    for each in further:
        expected = expected.joined(each)
    assert merged.samples == expected
    measured_later = first.outcome == "skipped" and any(len(each) for each in further)
    assert merged.outcome == ("measured" if measured_later else first.outcome)


def test_ceilings_merge_unless_their_loops_differ():
    one = Ceiling("fma", "float64", 8, 2, 1000, samples=samples(5))
    further = Ceiling("fma", "float64", 8, 2, 1000, samples=samples(6, process=1))
    unlike = Ceiling("fma", "float64", 8, 2, 2000, samples=samples(7))
    merged = merge_ceilings([one, unlike, further])
    assert [each.samples.elapsed_ns for each in merged] == [(5, 6), (7,)]


def test_chains_of_different_blocks_are_not_joined():
    one, other = Problem(1, 4, 4), Problem(2, 4, 4)
    of_blocks = [
        Ceiling("fma", "float64", 8, 2, 1000, samples=samples(5 + place), problem=problem)
        for place, problem in enumerate((None, one, other, one))
    ]
    merged = merge_ceilings(of_blocks)
    assert [each.samples.elapsed_ns for each in merged] == [(5,), (6, 8), (7,)]
    assert [each.problem for each in merged] == [None, one, other]


def test_a_ceiling_is_written_as_ever_unless_it_tells_its_block():
    before = Ceiling("fma", "float64", 8, 2, 1000)
    line = encode_lines(before)
    assert list(msgspec.json.decode(line)) == [
        *("type", "kind", "dtype", "lanes", "threads", "work", "fused", "samples", "reason"),
    ]
    told = encode_lines(msgspec.structs.replace(before, problem=Problem(2, 3, 4)))
    assert msgspec.json.decode(told)["problem"]["n"] == 3
    assert parsed(WHOLE.replace(b"\n", b"\n" + told, 1)).ceilings[0].problem == Problem(2, 3, 4)


def test_a_truncated_line_is_set_aside_at_every_byte():
    first_line = WHOLE.index(b"\n")
    lines = WHOLE.splitlines(keepends=True)
    for cut in range(len(WHOLE)):
        if cut < first_line:
            refusal(WHOLE[:cut])
            continue
        found = parsed(WHOLE[:cut])
        whole = WHOLE[: cut + 1].count(b"\n")  # a line that lacks only its end is whole
        at_an_end = WHOLE[cut - 1 : cut] == b"\n" or WHOLE[cut : cut + 1] == b"\n"
        assert bool(found.warnings) != at_an_end
        assert found.is_complete == (whole == len(lines))
        assert len(found.ceilings) + len(found.measurements) == min(whole, len(lines) - 1) - 1


def test_a_broken_line_in_the_middle_is_refused_by_its_number():
    lines = WHOLE.splitlines(keepends=True)
    message = refusal(b"".join([*lines[:2], b'{"type":"measurement"}\n', *lines[2:]]))
    assert "line 3 of some.jsonl is broken" in message
    assert "`case`" in message


def test_a_newer_schema_is_told_to_upgrade():
    newer = WHOLE.replace(b'"schema":1', b'"schema":7,"later":{}', 1)
    assert refusal(newer) == (
        "some.jsonl was written by a newer matbench (schema 7, this one reads 1); upgrade matbench"
    )


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "is empty"),
        (b"\x7fELF\x00\xff\xfe", "no record of matbench"),
        (b"name,value\n1,2\n", "no record of matbench"),
        (b"\xef\xbb\xbf" + WHOLE, "no record of matbench"),
        (WHOLE.replace(b"\n", b"\r"), "no record of matbench"),
        (b"[" * 100_000, "no record of matbench"),
        (b'{"x":' * 100_000, "nested too deeply"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"type":"header","schema":' + b"9" * 5000 + b"}\n", "no record of matbench"),
        (encode_lines(END) + WHOLE, "is no header"),
        (WHOLE + encode_lines(header()), "follows the end"),
        (encode_lines(header()) * 2, "begins a second record"),
        (WHOLE + encode_lines(END), "follows the end"),
        (WHOLE + b"{", "follows the end"),
        (WHOLE.replace(b"477.0", b"NaN").replace(b"\n", b"\n\n"), "is broken"),
    ],
)
def test_what_is_no_record_is_refused_in_one_sentence(data, part):
    assert part in refusal(data)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1", b"null", b'"0.1"'])
def test_a_number_that_is_none_breaks_its_line(number):
    broken = WHOLE.replace(b"477.0", number)
    assert not parsed(broken).is_complete
    assert parsed(broken).warnings


def test_terminal_escapes_of_a_stranger_do_not_reach_the_message():
    unknown = b'{"type":"\\u001b[31mred\\u202e"}\n'
    assert "\x1b" not in refusal(unknown)
    (warning,) = parsed(encode_lines(header()) + unknown).warnings
    assert warning.isprintable()


def test_a_line_end_of_windows_is_read_too():
    assert parsed(WHOLE.replace(b"\n", b"\r\n")) == record()


def test_too_long_a_line_is_refused(tmp_path):
    path = tmp_path / "long.jsonl"
    path.write_bytes(WHOLE + b" " * (2**20 + 1))
    with pytest.raises(RecordError, match="longer than 1 MiB"):
        read_record(path)


def test_too_many_lines_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LINES_LIMIT", 3)
    path = tmp_path / "many.jsonl"
    path.write_bytes(WHOLE)
    with pytest.raises(RecordError, match="more than 3 lines"):
        read_record(path)


def test_too_large_a_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.jsonl"
    with path.open("wb") as stream:
        stream.truncate(2**28 + 1)  # sparse: it takes no space
    with pytest.raises(RecordError, match="larger than 256 MiB"):
        read_record(path)


def test_a_link_to_a_record_is_followed(tmp_path):
    (tmp_path / "some.jsonl").write_bytes(WHOLE)
    link = tmp_path / "link.jsonl"
    link.symlink_to("some.jsonl")
    assert read_record(link) == record()


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    with pytest.raises(RecordError, match="pipe or a device"):
        read_record(pipe)


def test_a_folder_a_device_a_missing_file_and_a_circle_of_links_are_refused(tmp_path):
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    for path, part in (
        (tmp_path, "is a folder"),
        (tmp_path / "missing", "no such file"),
        (circle, "circle"),
        (tmp_path / "nul\0", "null"),
        (tmp_path / ("x" * 5000), "too long"),
    ):
        with pytest.raises(RecordError, match=part):
            read_record(path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs /dev/zero")
def test_an_endless_device_is_refused(tmp_path):
    link = tmp_path / "endless"
    link.symlink_to("/dev/zero")
    with pytest.raises(RecordError, match="pipe or a device"):
        read_record(link)


def survives(data: bytes) -> None:
    """Read `data` as a record and as a journal's line; nothing but a RecordError may escape."""
    try:
        found = parsed(data)
    except RecordError:
        return
    assert parsed(encode_record(found)).measurements == found.measurements


@given(st.binary(max_size=300))
def test_random_bytes_never_escape_as_another_error(noise):
    survives(noise)
    survives(encode_lines(header()) + noise)


@given(st.binary(max_size=8), st.integers(0, len(WHOLE)), st.integers(0, 8))
def test_random_damage_never_escapes_as_another_error(noise, at, length):
    survives(WHOLE[:at] + noise + WHOLE[at + length :])


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(_json, st.data())
def test_random_json_in_any_place_never_escapes_as_another_error(value, data):
    lines = [json.loads(line) for line in WHOLE.splitlines()]
    line = data.draw(st.sampled_from(lines))
    place = line
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    survives("\n".join(map(json.dumps, lines)).encode("utf-8", "surrogatepass"))


def test_every_refusal_is_a_matbench_error():
    assert issubclass(RecordError, MatbenchError)
