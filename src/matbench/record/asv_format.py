"""asv's results as storage: the names and versions that the suite, the exporter and the reader have in common.

``<results>/benchmarks.json`` says what each benchmark's parameters are called, ``<results>/<machine>/machine.json``
what the machine is, and ``<results>/<machine>/<commit>-<environment>.json`` holds the results of one commit in one
environment: for each benchmark one list of values, one a combination of parameters.
"""

from __future__ import annotations

__all__ = [
    "BENCHMARKS",
    "BENCHMARKS_VERSION",
    "EXACT",
    "FURTHER",
    "JSON_LIMIT",
    "MACHINE",
    "MACHINE_VERSION",
    "PARAMETERS",
    "RATED",
    "RESULTS_VERSION",
    "RUNNER",
    "TIMED",
    "UNIT",
    "VERSION",
]

# What benchmarks/bench_matmul.py declares.
TIMED = "bench_matmul.time_matmul"  # time of one product, s
FURTHER = "bench_operations.time_"  # what the others begin with; the name of their operation follows
RATED = "bench_matmul.track_gflops"  # its rate, GFLOP/s
PARAMETERS = ("kernel", "n", "dtype", "threads")  # of both, in this order
UNIT = "GFLOP/s"  # of the rate
VERSION = "1"  # of both; results of another version are not comparable, and asv hides them

# What asv calls its files, and the versions of their formats that were tried (asv 0.6.5 and 0.6.6).
BENCHMARKS = "benchmarks.json"
MACHINE = "machine.json"
RESULTS_VERSION = 2
BENCHMARKS_VERSION = 2
MACHINE_VERSION = 1

# asv keeps one loop count a case and the time of one call a sample. These further columns hold the rest of a sample,
# one list a case: asv reads columns that begin so, uses them for nothing, and drops them where it rewrites the file.
EXACT = ("stats_loops", "stats_process", "stats_round")

RUNNER = "runner"  # selector on asv's pages that tells results of `matbench run` from those of `asv run`
JSON_LIMIT = 16 * 2**20  # bytes of a file of asv's; decoded, it takes many times as much
