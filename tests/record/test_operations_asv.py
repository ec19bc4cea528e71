"""Other operations among asv's results: a benchmark each, whose samples come back and leave the product's alone."""

from __future__ import annotations

import json

import pytest
from store_examples import record, samples

pytest.importorskip("asv", reason='needs asv; pip install "asv>=0.6.5,<0.7"')

from matbench.model import Case, Measurement, Problem
from matbench.record.asv_format import BENCHMARKS, FURTHER, RATED, TIMED
from matbench.record.asv_project import Project
from matbench.record.asv_reading import read_asv
from matbench.record.asv_writing import write_asv


def project(folder) -> Project:
    return Project(
        settings=folder / "asv.conf.json",
        results=folder / "asv",
        is_changed=False,
        commit="0123456789abcdef0123456789abcdef01234567",
        committed_ms=1_795_000_000_000,
    )


def square(kernel, n=64, operation="matmul", threads=1) -> Measurement:
    return Measurement(Case(kernel, Problem(n, n, n, operation=operation), threads), samples=samples(40_000, 41_000))


PRODUCT = (square("numpy_matmul"), square("python_lists"))
FURTHER_ONES = (square("numpy_norm", operation="norm"), square("numpy_svd", 32, "svd", threads=2))


def cases_in(path):
    return {each.case: each.samples for each in read_asv(path).measurements}


def names_in(path):
    return set(json.loads(path.read_text())["results"])


def test_every_sample_of_every_operation_comes_back(tmp_path):
    filed = write_asv(record(measurements=PRODUCT + FURTHER_ONES), project(tmp_path))
    assert filed.left_out == ()
    assert names_in(filed.path) == {TIMED, RATED, f"{FURTHER}norm", f"{FURTHER}svd"}
    assert cases_in(filed.path) == {each.case: each.samples for each in PRODUCT + FURTHER_ONES}


def test_a_record_without_a_product_is_filed_too_and_leaves_what_is_there_alone(tmp_path):
    write_asv(record(measurements=PRODUCT), project(tmp_path))
    filed = write_asv(record(measurements=FURTHER_ONES), project(tmp_path))
    assert cases_in(filed.path) == {each.case: each.samples for each in PRODUCT + FURTHER_ONES}
    again = write_asv(record(measurements=PRODUCT[:1]), project(tmp_path))
    assert cases_in(again.path) == {each.case: each.samples for each in PRODUCT + FURTHER_ONES}


def test_asv_is_told_of_the_benchmarks_as_times(tmp_path):
    write_asv(record(measurements=FURTHER_ONES), project(tmp_path))
    described = json.loads((tmp_path / "asv" / BENCHMARKS).read_text())
    made = described[f"{FURTHER}svd"]
    assert (made["type"], made["unit"], made["param_names"]) == ("time", "seconds", ["kernel", "n", "dtype", "threads"])
    assert made["params"] == [["'numpy_svd'"], ["32"], ["'float64'"], ["2"]]
    assert made["code"].startswith("def time_svd(kernel, n, dtype, threads)")
    assert TIMED not in described


def test_kernels_of_ours_are_told_by_their_family_whatever_they_compute(tmp_path):
    filed = write_asv(record(measurements=PRODUCT + FURTHER_ONES), project(tmp_path))
    assert {card.origin for card in read_asv(filed.path).header.kernels} == {"matbench"}
