import json

import msgspec

from matbench.analyse.rows import Interval, Row, Share
from matbench.model import (
    SCHEMA,
    Caches,
    Case,
    Conditions,
    Cpu,
    Environment,
    Header,
    Host,
    Library,
    Plan,
    Problem,
)
from matbench.present.json_object import run_object


def header():
    return Header(
        id="r1",
        created="2025-01-01T00:00:00Z",
        machine="quiet-heron",
        host=Host(
            system="Linux",
            cpu=Cpu(brand="A CPU", features=("avx2", "fma")),
            caches=Caches(l1d=32768),
            logical_cpus=2,
        ),
        environment=Environment(
            python="3.11.7", packages={"numpy": "2.4"}, libraries=(Library(api="blas", name="openblas"),)
        ),
        conditions=Conditions(),
        plan=Plan(
            preset="quick",
            command="matbench run",
            seed=0,
            budget_s=60.0,
            rounds=5,
            sample_ns=1000,
            base="python_lists",
            blocks=(),
        ),
    )


GOLDEN_HOST = {
    "system": "Linux",
    "architecture": "unknown",
    "cpu": {
        "brand": "A CPU",
        "vendor": "unknown",
        "family": None,
        "model": None,
        "stepping": None,
        "microarchitecture": "unknown",
        "generic": "unknown",
        "features": ["avx2", "fma"],
    },
    "caches": {"l1d": 32768, "l2": None, "l3": None},
    "logical_cpus": 2,
    "physical_cores": None,
    "sockets": None,
    "numa_nodes": None,
    "smt": None,
    "memory_bytes": None,
    "hypervisor": None,
    "hw_id": "unknown",
    "host_id": "unknown",
}
GOLDEN_ENVIRONMENT = {
    "python": "3.11.7",
    "implementation": "unknown",
    "system_release": "unknown",
    "packages": {"numpy": "2.4"},
    "libraries": [
        {
            "api": "blas",
            "name": "openblas",
            "version": "unknown",
            "architecture": "unknown",
            "threading_layer": "unknown",
            "filename": "unknown",
        }
    ],
    "numpy_simd": [],
    "numba_threading_layer": None,
    "variables": {},
    "env_id": "unknown",
}
CELL = {"operation": "matmul", "m": 100, "n": 100, "k": 100, "dtype": "float64"}
GOLDEN_MEASUREMENTS = [
    {
        **CELL,
        "kernel": "python_lists",
        "threads": 1,
        "seconds": {"estimate": 0.0625, "low": 0.05, "high": 0.078125},
        "gflops": 0.032,
        "peak_fraction": 0.0005,
        "gbytes_per_s": None,
        "bandwidth_fraction": None,
        "peak_share": {"estimate": 0.0005, "low": 0.0004, "high": 0.0006, "beside": "round"},
        "speedup": None,
        "extrapolated": False,
        "skipped": None,
    },
    {
        **CELL,
        "kernel": "numpy_matmul",
        "threads": 2,
        "seconds": {"estimate": 0.00025, "low": None, "high": None},
        "gflops": 8.0,
        "peak_fraction": None,
        "gbytes_per_s": None,
        "bandwidth_fraction": None,
        "peak_share": None,
        "speedup": {"base": "python_lists", "estimate": 250.0, "low": 200.0, "high": 300.0},
        "extrapolated": False,
        "skipped": None,
    },
    {
        **CELL,
        "kernel": "gone",
        "threads": 1,
        "seconds": None,
        "gflops": None,
        "peak_fraction": None,
        "gbytes_per_s": None,
        "bandwidth_fraction": None,
        "peak_share": None,
        "speedup": None,
        "extrapolated": False,
        "skipped": "needs avx2",
    },
]


def golden_table(made):
    problem = Problem(100, 100, 100)
    base = Row(
        case=Case("python_lists", problem),
        card=made.card("python_lists"),
        seconds=Interval(0.0625, 0.05, 0.078125),
        rate=Interval(32e6),
        peak_share=Share(0.0005, 0.0004, 0.0006, "round"),
    )
    product = Row(
        case=Case("numpy_matmul", problem, 2),
        card=made.card("numpy_matmul"),
        seconds=Interval(0.00025),
        rate=Interval(8e9),
        speedup=made.over(250.0, 200.0, 300.0),
    )
    return made.table([base, product, made.skipped("gone", 100, "needs avx2")])


def test_the_object_is_the_golden_one(made):
    assert run_object(header(), golden_table(made)) == {
        "schema": SCHEMA,
        "host": GOLDEN_HOST,
        "environment": GOLDEN_ENVIRONMENT,
        "measurements": GOLDEN_MEASUREMENTS,
    }


def test_any_encoder_takes_it(table):
    told = run_object(header(), table)
    assert json.loads(json.dumps(told, allow_nan=False)) == msgspec.json.decode(msgspec.json.encode(told)) == told


def test_the_host_reads_back_as_it_was(table):
    told = run_object(header(), table)
    assert msgspec.convert(told["host"], Host) == header().host
    assert msgspec.convert(told["environment"], Environment) == header().environment


def test_a_speed_up_over_a_predicted_base_is_extrapolated(table):
    told = run_object(header(), table)["measurements"]
    at_1000 = {(m["kernel"], m["threads"]): m for m in told if m["n"] == 1000}
    assert at_1000["numpy_matmul", 2]["extrapolated"] is True
    assert at_1000["python_lists", 1]["extrapolated"] is True
    assert not any(m["extrapolated"] for m in told if m["n"] == 256)


def test_what_json_cannot_say_is_null(made):
    row = Row(case=Case("odd", Problem(8, 8, 8)), card=made.card("odd"), seconds=Interval(1.0, 0.5, float("inf")))
    told = run_object(header(), made.table([row]))["measurements"][0]
    assert told["seconds"] == {"estimate": 1.0, "low": 0.5, "high": None}
