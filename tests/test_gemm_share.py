"""Shares of the peak, sample by sample: what is timed, which rounds were quiet, what is told."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import msgspec
import pytest

from matbench.errors import MatbenchError

TOOLS = Path(__file__).parents[1] / "tools"
DTYPES = ("float64", "float32")


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    yield importlib.import_module("gemm_share")
    for name in ("gemm_share", "repository"):
        sys.modules.pop(name, None)


def sitting(tool, *processes):
    """A sitting of processes, each given by its shares of the chain, round by round."""
    return tool.Share(
        created="2026-11-23T08:00:00Z",
        machine="heron",
        processor="A processor",
        processes=tuple(
            tuple(
                tool.Samples("product", dtype, tuple(scale * 2.0 * each for each in shares), (2.0,) * len(shares))
                for dtype, scale in zip(DTYPES, (1.0, 0.5), strict=True)
            )
            for shares in processes
        ),
    )


def test_a_share_is_the_median_of_its_processes_with_its_interval(tool):
    text = tool.chapter(sitting(tool, *[[0.90, 0.60 + step / 100, 0.62] for step in range(7)]))
    row = next(line for line in text.splitlines() if line.startswith("| product"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["product", "63 % [62, 66]", "32 % [31, 33]"]
    assert "heron (A processor), 2026-11-23" in text
    assert "medians over 7 processes" in text


def test_sittings_are_read_as_they_were_written_in_the_order_of_time(tool, tmp_path):
    assert tool.kept(tmp_path) == []
    for hour, share in ((2, 0.9), (1, 0.8)):
        made = sitting(tool, [share])
        (tmp_path / f"20261123T0{hour}0000Z-000000.json").write_bytes(msgspec.json.encode(made))
    assert tool.kept(tmp_path) == [sitting(tool, [share]) for share in (0.8, 0.9)]


@pytest.mark.xdist_group("numba_gemm")
def test_every_case_is_sampled_beside_a_chain(tool, monkeypatch):
    for name, value in {"ROUNDS": 2, "SIZES": (16, 24), "ROWS": 16, "TILES": {"shallow": 8, "deep": 12}}.items():
        monkeypatch.setattr(tool, name, value)
    monkeypatch.setattr(tool, "CHAIN_NS", 1e3)
    monkeypatch.setattr(tool, "SAMPLE_NS", 1e3)
    found = tool.sampled(0)
    whole = ["product, n = 16", "NumPy's product, n = 16", "product, n = 24"]
    assert [each.name for each in found] == ["shallow", "deep", *whole] * 2
    assert all(len(each.rates) == len(each.chains) == 2 and min(*each.rates, *each.chains) > 0 for each in found)


@pytest.mark.xdist_group("numba_gemm")
def test_the_operations_of_a_case_are_those_of_its_product(tool, monkeypatch):
    import numpy as np

    monkeypatch.setattr(tool, "SIZES", (8,))
    for case in tool.cases():
        a, b, out = case.call.args[-3:]  # before them the addresses that a kernel is bound to
        assert case.flops == 2 * a.shape[0] * a.shape[1] * out.shape[1]
        assert a.shape[1] == b.shape[0]
        case.call()
        if out.strides[0]:  # the register tiles write one tile of C again and again
            np.testing.assert_allclose(out, a @ b, rtol=1e-3, atol=1e-3)


@pytest.mark.xdist_group("numba_gemm")
def test_a_chain_grows_until_it_is_long_enough_whatever_holds_a_single_one_up(tool, monkeypatch):
    def played(call):
        """Every third takes a second, the others a nanosecond a step."""
        turns.append(call)
        return 10**9 if len(turns) % 3 == 0 else call.__self__.steps

    turns = []
    monkeypatch.setattr(tool, "elapsed", played)
    assert tool.Chain("float64").steps == 512_000


def test_a_file_without_shares_is_refused_in_a_sentence(tool, tmp_path):
    (tmp_path / "20261123T010000Z-000000.json").write_text("[]")
    with pytest.raises(MatbenchError, match=r"holds no shares .*measure them anew"):
        tool.kept(tmp_path)
