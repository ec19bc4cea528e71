"""Shares of the peak, sample by sample: what is timed, which rounds were quiet, what is told."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import msgspec
import pytest

TOOLS = Path(__file__).parents[1] / "tools"
DTYPES = ("float64", "float32")


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    yield importlib.import_module("gemm_share")
    for name in ("gemm_share", "repository"):
        sys.modules.pop(name, None)


def sitting(tool, *processes):
    """A sitting of processes of which each is: shares of the register tile, and of a product, round by round."""

    def samples(name, shares):
        return [
            tool.Samples(name, dtype, tuple(2.0 * each for each in shares), (2.0,) * len(shares)) for dtype in DTYPES
        ]

    return tool.Share(
        created="2026-11-23T08:00:00Z",
        machine="heron",
        processor="A processor",
        processes=tuple((*samples(tool.TILE, tile), *samples("product", whole)) for tile, whole in processes),
    )


def test_a_round_is_quiet_where_the_register_tile_keeps_up_with_the_chain(tool):
    share = sitting(tool, ([0.97, 0.7], [0.9, 0.6]), ([0.94, 0.95], [0.8, 0.9]))
    assert tool.quiet_rounds(share, "float64") == {(0, 0), (1, 1)}


def test_shares_are_told_of_all_rounds_of_quiet_ones_and_of_the_others(tool):
    share = sitting(tool, *[([0.97, 0.7, 0.7], [0.90, 0.60, 0.62])] * 7)
    text = tool.chapter(share)
    [row] = [line for line in text.splitlines() if line.startswith("| product")][:1]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "product",
        "62 % [62, 62]",
        "90 % [90, 90]",
        "61 % [61, 61]",
    ]
    assert "core to itself (7 rounds)" in text
    assert "others (14)" in text
    assert "heron (A processor), 2026-11-23" in text


def test_without_a_quiet_round_nothing_is_told_of_one(tool):
    text = tool.chapter(sitting(tool, *[([0.7], [0.6])] * 7))
    assert "| product" in text
    assert " - " in text


def test_the_newest_sitting_is_read_as_it_was_written(tool, tmp_path):
    assert tool.newest(tmp_path) is None
    for hour, share in ((1, 0.8), (2, 0.9)):
        made = sitting(tool, ([share], [share]))
        (tmp_path / f"20261123T0{hour}0000Z-000000.json").write_bytes(msgspec.json.encode(made))
    assert tool.newest(tmp_path) == sitting(tool, ([0.9], [0.9]))


@pytest.mark.xdist_group("numba_gemm")
def test_every_case_is_sampled_beside_a_chain(tool, monkeypatch):
    for name, value in {"ROUNDS": 2, "SIZES": (16, 24), "ROWS": 16, "SHALLOW": 8, "DEEP": 12}.items():
        monkeypatch.setattr(tool, name, value)
    monkeypatch.setattr(tool, "CHAIN_NS", 1e3)
    monkeypatch.setattr(tool, "SAMPLE_NS", 1e3)
    found = tool.sampled(0)
    whole = ["product, n = 16", "NumPy's product, n = 16", "product, n = 24"]
    assert [each.name for each in found] == [tool.TILE, tool.STREAM, *whole] * 2
    assert all(len(each.rates) == len(each.chains) == 2 and min(*each.rates, *each.chains) > 0 for each in found)


@pytest.mark.xdist_group("numba_gemm")
def test_the_operations_of_a_case_are_those_of_its_product(tool, monkeypatch):
    import numpy as np

    monkeypatch.setattr(tool, "SIZES", (8,))
    for case in tool.cases(np.random.default_rng(0)):
        a, b, out = case.call.args[-3:]  # before them the addresses that a kernel is bound to
        assert case.flops == 2 * a.shape[0] * a.shape[1] * out.shape[1]
        assert a.shape[1] == b.shape[0]
        case.call()
        np.testing.assert_allclose(out, a @ b, rtol=1e-4)


@pytest.mark.xdist_group("numba_gemm")
def test_the_time_to_compile_a_chain_is_not_taken_for_its_length(tool):
    assert tool.Chain("float64").steps > 10_000  # a thousand take some microseconds, whatever the processor
