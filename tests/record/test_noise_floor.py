"""The machine's noise floor: kept, found again, and never a reason to fail."""

from __future__ import annotations

import msgspec
import pytest

from matbench.errors import RecordError
from matbench.pairing import NoiseFloor
from matbench.record.noise import every_noise, keep_noise, known_noise, noise_path

NOISE = NoiseFloor(host_id="0123456789abcdef", floor=0.0042, comparisons=8, measured="2026-11-22T16:12:03Z")


def test_what_is_kept_is_known(tmp_path):
    assert known_noise(NOISE.host_id, tmp_path) is None
    path = keep_noise(NOISE, tmp_path / "new")
    assert known_noise(NOISE.host_id, tmp_path / "new") == NOISE
    assert b'"schema":1' in path.read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"host_id":"0123456789abcdef"}',
        '{"schema":99,"host_id":"0123456789abcdef","floor":0.1,"comparisons":1,"measured":""}',
        '{"host_id":"another","floor":0.1,"comparisons":1,"measured":""}',
        '{"host_id":"0123456789abcdef","floor":-1,"comparisons":1,"measured":""}',
        '{"host_id":"0123456789abcdef","floor":0.1,"comparisons":1,"measured":"","more":1}',
        " " * 5000,
    ],
)
def test_a_file_that_is_not_ours_is_no_floor(tmp_path, text):
    noise_path(NOISE.host_id, tmp_path).write_text(text, encoding="utf-8")
    assert known_noise(NOISE.host_id, tmp_path) is None


def test_an_id_that_names_another_file_is_refused(tmp_path):
    with pytest.raises(RecordError, match="can't be a file name"):
        noise_path("../secret", tmp_path)
    assert known_noise("../secret", tmp_path) is None


def test_a_floor_that_was_measured_while_threads_spun_otherwise_is_none(tmp_path):
    long, short = {"KMP_BLOCKTIME": "200"}, {"KMP_BLOCKTIME": "2"}
    keep_noise(msgspec.structs.replace(NOISE, spins=long), tmp_path)
    assert known_noise(NOISE.host_id, tmp_path).spins == long
    assert known_noise(NOISE.host_id, tmp_path, spins=long) is not None
    assert known_noise(NOISE.host_id, tmp_path, spins=short) is None
    assert known_noise(NOISE.host_id, tmp_path, spins={}) is None


def test_a_floor_of_before_that_was_told_is_known_and_not_taken(tmp_path):
    text = '{"host_id":"0123456789abcdef","floor":0.1,"comparisons":1,"measured":""}'
    noise_path(NOISE.host_id, tmp_path).write_text(text, encoding="utf-8")
    assert known_noise(NOISE.host_id, tmp_path).floor == 0.1
    assert known_noise(NOISE.host_id, tmp_path, spins={}) is None


def test_all_that_are_kept_are_found_by_their_machines(tmp_path):
    assert every_noise(tmp_path / "none") == {}
    other = msgspec.structs.replace(NOISE, host_id="fedcba")
    for each in (NOISE, other):
        keep_noise(each, tmp_path)
    noise_path("broken", tmp_path).write_text("{", encoding="utf-8")
    (tmp_path / "noise-a b.json").write_text("{}", encoding="utf-8")
    assert every_noise(tmp_path) == {NOISE.host_id: NOISE, "fedcba": other}
