"""Tuned blocks: kept for one machine, found again, forgotten, and never a reason to fail."""

import msgspec
import pytest

from matbench.errors import RecordError
from matbench.model import Environment
from matbench.record.tuning import environment_with_blocks, forget_tuning, keep_tuning, known_tuning, tuning_path
from matbench.tuning import Tuned, TunedBlocks, Tuning

HOST = "0123456789abcdef"
DERIVED = TunedBlocks("numba_gemm", "float64", 8, 512, 240)
BLOCKS = TunedBlocks("numba_gemm", "float64", 8, 384, 312)
FOUND = Tuned(
    blocks=BLOCKS,
    derived=DERIVED,
    rows=8,
    vectors=3,
    lanes=8,
    threads=(1,),
    sizes=(512, 800),
    factor=1.03,
    low=1.02,
    high=1.04,
    processes=8,
    candidates=13,
    measured="2026-11-23T01:00:00Z",
)
TUNING = Tuning(host_id=HOST, found=(FOUND,))


def text_with(**changes):
    return msgspec.json.encode(msgspec.to_builtins(TUNING) | changes)


def test_what_is_kept_is_known_until_it_is_forgotten(tmp_path):
    assert known_tuning(HOST, tmp_path) is None
    path = keep_tuning(TUNING, tmp_path / "new")
    assert known_tuning(HOST, tmp_path / "new") == TUNING
    assert b'"schema":1' in path.read_bytes()
    assert forget_tuning(HOST, tmp_path / "new")
    assert known_tuning(HOST, tmp_path / "new") is None
    assert not forget_tuning(HOST, tmp_path / "new")


def test_what_is_found_later_replaces_what_was_known_of_the_same_type_and_nothing_else():
    single = msgspec.structs.replace(BLOCKS, dtype="float32")
    other = msgspec.structs.replace(FOUND, blocks=single, derived=single)
    again = msgspec.structs.replace(FOUND, blocks=DERIVED)
    assert TUNING.joined((other,)).joined((again,)).found == (again, other)
    assert not again.is_better
    assert FOUND.is_better


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 20_000,
        b" " * 20_000,
        b'{"host_id":"another"}',
        text_with(schema=99),
        text_with(more=1),
        text_with(found=[{}]),
        text_with(found=[msgspec.to_builtins(FOUND) | {"factor": -1}]),
        text_with(found=[msgspec.to_builtins(FOUND) | {"threads": []}]),
        text_with(found=[msgspec.to_builtins(FOUND) | {"blocks": msgspec.to_builtins(BLOCKS) | {"kc": 0}}]),
        text_with(found=[msgspec.to_builtins(FOUND) | {"blocks": msgspec.to_builtins(BLOCKS) | {"nc": 2**40}}]),
        text_with(found=[msgspec.to_builtins(FOUND)] * 17),
    ],
    ids=lambda text: text[:20].decode(errors="replace") if len(text) < 200 else "long",
)
def test_a_file_that_is_not_ours_is_no_tuning(tmp_path, text):
    tuning_path(HOST, tmp_path).write_bytes(text)
    assert known_tuning(HOST, tmp_path) is None


def test_an_id_that_names_another_file_is_refused(tmp_path):
    with pytest.raises(RecordError, match="can't be a file name"):
        tuning_path("../secret", tmp_path)
    assert known_tuning("../secret", tmp_path) is None


def test_a_run_with_other_blocks_is_a_run_in_another_environment():
    before = Environment(variables={"OMP_NUM_THREADS": "2"}, env_id="one")
    assert environment_with_blocks(before, ()) is before
    after = environment_with_blocks(before, (BLOCKS,))
    assert after.variables == {"OMP_NUM_THREADS": "2", "numba_gemm float64 blocks": "mc 8, kc 384, nc 312"}
    other = environment_with_blocks(before, (DERIVED,))
    assert len({before.env_id, after.env_id, other.env_id}) == 3
