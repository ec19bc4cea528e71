"""Records with several operations: a table each, told over its own base, in its own unit, against its own limit."""

import csv
import io

import msgspec
import pytest

from matbench.analyse.ladder import fastest, operations_of, tabulate
from matbench.analyse.plausible import implausible
from matbench.analyse.rows import Interval, Share, SpeedUp
from matbench.cli.operations import chosen_tables
from matbench.errors import UsageError
from matbench.model import (
    Block,
    Caches,
    Case,
    Ceiling,
    Conditions,
    Cpu,
    Environment,
    Header,
    Host,
    KernelCard,
    Measurement,
    Plan,
    Problem,
    Record,
    Samples,
)
from matbench.present.json_object import run_object
from matbench.present.operations import contrast, contrast_table, machine_balance, operation_sentence, pace_sentence
from matbench.present.tables import ladder_table, overview_table, to_csv
from matbench.record.asv_cases import Entry, labels, measurements, operation_of, shape_of
from matbench.record.asv_values import cells_of
from matbench.record.exchange import record_from_csv, samples_csv, slowest
from matbench.record.journal import encode_record
from matbench.record.reading import record_from_lines

PRODUCT = Problem(100, 100, 100)  # 2 MFLOP
MATVEC = Problem(1000, 1000, 1000, operation="matvec")  # 2 MFLOP, 8.016 MB
VIEWED = Problem(1000, 1000, 1000, operation="transpose")  # 16 MB
MS, US = 10**6, 10**3  # ns
CARDS = (
    KernelCard("python_lists", "pure Python", "three loops"),
    KernelCard("numpy_matmul", "BLAS", "A @ B", threaded=True),
    KernelCard("python_matvec", "pure Python", "two loops"),
    KernelCard("numpy_matvec", "BLAS", "A @ v", threaded=True),
    KernelCard("python_transpose", "pure Python", "two loops"),
    KernelCard("numpy_transpose_view", "NumPy arrays", "no copy", view=True),
)


def taken(kernel, problem, *elapsed_ns, threads=1):
    count = len(elapsed_ns)
    samples = Samples((1,) * count, elapsed_ns, (0,) * count, tuple(range(count)))
    return Measurement(Case(kernel, problem, threads), samples=samples)


def steady(kernel, problem, ns, threads=1):
    return taken(kernel, problem, *(ns + 100 * i for i in range(6)), threads=threads)


def stream(kind, seconds, threads=1):
    one = Samples((1,), (int(seconds * 1e9),), (0,), (0,))
    return Ceiling(kind, "float64", 1, threads, 8 * 10**9 if kind == "read" else 24 * 10**9, samples=one)


CEILINGS = (
    stream("read", 0.8),  # 10 GB/s
    stream("triad", 3.0),  # 8 GB/s
    Ceiling("fma", "float64", 8, 1, 40 * 10**9, samples=Samples((1,), (10**9,), (0,), (0,))),  # 40 GFLOP/s
)
MEASURED = (
    steady("python_lists", PRODUCT, 100 * MS),
    steady("numpy_matmul", PRODUCT, 100 * US),
    steady("python_matvec", MATVEC, 80 * MS),
    steady("numpy_matvec", MATVEC, 2 * MS),
    steady("numpy_matvec", MATVEC, 1 * MS, threads=2),
    steady("python_transpose", VIEWED, 80 * MS),
    steady("numpy_transpose_view", VIEWED, 200),
)


def record(*found, base="python_lists", caches=Caches(), ceilings=CEILINGS):  # noqa: B008  frozen
    arms = {}
    for each in found:
        arms.setdefault(each.case.problem, []).append((each.case.kernel, each.case.threads))
    blocks = tuple(Block(problem, tuple(own)) for problem, own in arms.items())
    header = Header(
        id="20261122T161203Z-3f9a1c",
        created="2026-11-22T16:12:03Z",
        machine="two-cpus",
        host=Host(cpu=Cpu(brand="Model T"), caches=caches, logical_cpus=2),
        environment=Environment(),
        conditions=Conditions(),
        plan=Plan("quick", "matbench run", 1, 60.0, 7, 10**6, base, blocks),
        kernels=CARDS,
    )
    return Record(header, tuple(ceilings), found)


ALL = record(*MEASURED)


def row(table, kernel, threads=1):
    (found,) = [each for each in table.rows if (each.case.kernel, each.case.threads) == (kernel, threads)]
    return found


# -- tables ------------------------------------------------------------------------------------------------------------


def test_a_record_has_a_table_for_each_of_its_operations():
    assert operations_of(ALL) == ("matmul", "matvec", "transpose")
    tables = [tabulate(ALL, operation=each) for each in operations_of(ALL)]
    assert [table.operation for table in tables] == ["matmul", "matvec", "transpose"]
    assert [table.base for table in tables] == ["python_lists", "python_matvec", "python_transpose"]
    assert sum(len(table.rows) for table in tables) == len(MEASURED)


def test_without_a_word_the_product_is_told_and_where_there_is_none_the_first_operation():
    assert tabulate(ALL).operation == "matmul"
    assert tabulate(record(*MEASURED[2:])).operation == "matvec"
    assert tabulate(record()).operation == "matmul"


def test_a_base_of_another_operation_is_not_told_over():
    assert tabulate(ALL, base="numpy_matvec").base == "python_lists"
    assert tabulate(ALL, base="numpy_matvec", operation="matvec").base == "numpy_matvec"
    # the plan's base was not measured, and is nobody's base but the product's
    assert tabulate(record(*MEASURED[2:]), operation="matvec").base == "python_matvec"


def test_what_is_bound_by_memory_is_told_in_bytes_against_the_faster_stream():
    table = tabulate(ALL, operation="matvec")
    found = row(table, "numpy_matvec")
    seconds = found.seconds.estimate
    assert found.traffic.estimate == pytest.approx(8 * (1000 * 1000 + 2 * 1000) / seconds)
    assert found.rate.estimate == pytest.approx(2e6 / seconds)
    assert found.bandwidth_fraction == pytest.approx(found.traffic.estimate / 10e9)
    assert row(table, "numpy_matvec", 2).bandwidth_fraction is None  # no stream was measured on two threads
    assert found.speedup.estimate == pytest.approx(40, rel=0.01)
    assert fastest({}, 1) is None


def test_what_only_moves_data_has_no_rate_and_a_view_moves_nothing():
    table = tabulate(ALL, operation="transpose")
    assert row(table, "python_transpose").rate is None
    assert row(table, "python_transpose").traffic.estimate == pytest.approx(16e6 / 80e-3, rel=0.01)
    view = row(table, "numpy_transpose_view")
    assert (view.rate, view.traffic, view.peak_fraction, view.bandwidth_fraction) == (None,) * 4
    assert view.speedup.estimate > 1e5


def test_the_product_has_no_traffic():
    assert all(each.traffic is None and each.bandwidth_fraction is None for each in tabulate(ALL).rows)


# -- plausibility ------------------------------------------------------------------------------------------------------


def test_memory_has_a_roof_only_beyond_the_caches():
    quick = steady("numpy_matvec", MATVEC, 100 * US)  # 80 GB/s, eight times the stream
    assert not implausible(record(quick, caches=Caches(l3=8 * 2**20)))
    findings = implausible(record(quick, caches=Caches(l2=2**20)))
    assert len(findings) == 1
    assert findings[0].startswith("Faster than the measured memory of the machine: numpy_matvec at 1000 float64")
    assert "GB/s" in findings[0]
    assert not implausible(record(quick, caches=Caches()))
    assert not implausible(record(quick, caches=Caches(l2=2**20), ceilings=()))


def test_a_view_is_above_no_roof():
    assert not implausible(record(*MEASURED, caches=Caches(l2=2**20)))


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_record_comes_back_as_it_was_written():
    lines = encode_record(ALL)
    assert record_from_lines(io.BytesIO(lines), "it") == ALL
    products = [line for line in lines.split(b"\n") if b'"numpy_matmul"' in line and b'"measurement"' in line]
    assert products
    assert all(b"operation" not in line for line in products)


def test_raw_samples_come_back_with_their_operation_and_without_one_are_a_product_s():
    text = samples_csv(ALL)
    assert record_from_csv(text) == ALL.measurements
    rows = list(csv.reader(io.StringIO(text)))
    place = rows[0].index("operation")
    older = "\n".join(",".join(cell for i, cell in enumerate(line) if i != place) for line in rows)
    assert {each.case.problem.operation for each in record_from_csv(older)} == {"matmul"}


def test_rows_and_objects_name_the_operation():
    tables = [tabulate(ALL, operation=each) for each in operations_of(ALL)]
    cells = list(csv.DictReader(io.StringIO(to_csv(*tables))))
    assert [each["operation"] for each in cells].count("matvec") == 3
    told = run_object(ALL.header, *tables)["measurements"]
    assert [each["operation"] for each in told] == [each["operation"] for each in cells]
    (product,) = [each for each in told if each["kernel"] == "numpy_matmul"]
    assert (product["gbytes_per_s"], product["bandwidth_fraction"]) == (None, None)
    (matvec,) = [each for each in told if each["kernel"] == "numpy_matvec" and each["threads"] == 1]
    assert matvec["gbytes_per_s"] == pytest.approx(4, rel=0.01)


def test_what_other_suites_measured_is_told_over_the_slowest_of_the_product():
    assert slowest(MEASURED) == "python_lists"
    assert slowest(MEASURED[2:]) == "python_matvec"


def test_asv_s_benchmarks_tell_their_operation_by_their_names():
    assert operation_of("bench_operations.time_matvec") == "matvec"
    assert operation_of("bench_operations.time_cube_root") == operation_of("bench_matmul.time_matmul") == "matmul"
    name = "bench_operations.time_svd"
    entry = Entry(result=[0.5], params=[["'numpy_svd'"], ["64"], ["'float64'"], ["2"]])
    prefixes = labels([name, "bench_matmul.time_matmul"])
    (found,) = measurements(shape_of(name, entry, []), prefixes[name], 0)
    assert found.case == Case("numpy_svd", Problem(64, 64, 64, operation="svd"), 2)


def test_each_operation_has_a_benchmark_of_asv_s():
    cells, left_out = cells_of(ALL)
    assert not left_out
    assert {name: len(own) for name, own in cells.items()} == {
        "bench_matmul.time_matmul": 2,
        "bench_operations.time_matvec": 3,
        "bench_operations.time_transpose": 2,
    }


# -- words -------------------------------------------------------------------------------------------------------------


def test_a_ladder_bound_by_memory_is_told_in_gigabytes():
    text = ladder_table(tabulate(ALL, operation="matvec"), MATVEC)
    assert "GB/s" in text
    assert "GFLOP/s" not in text
    assert "share of memory bandwidth" in text
    assert "At n = 1000 (A @ v, float64); GB/s are the 7.6 MiB of operands and result over the time" in text
    assert "Share of memory bandwidth: of the measured 10.0 GB/s on 1 thread." in text
    assert "the time of python_matvec (0.100 GB/s on 1 thread)" in text
    assert "cache" not in text


def test_what_is_faster_than_memory_is_explained_by_the_caches():
    quick = steady("numpy_matvec", MATVEC, 100 * US)
    text = ladder_table(tabulate(record(quick), operation="matvec"), MATVEC)
    assert "Above 100 %: from call to call the operands stay in a cache" in text


def test_a_view_has_a_time_and_no_speed():
    text = ladder_table(tabulate(ALL, operation="transpose"), VIEWED)
    line = next(line for line in text.splitlines() if "numpy_transpose_view" in line)
    assert " ns" in line
    assert "numpy_transpose_view gives back a view: it moves nothing, and has no speed." in text
    assert "numpy_transpose_view" not in overview_table(tabulate(ALL, operation="transpose"))


def test_the_pace_is_set_by_memory_or_by_arithmetic():
    table = tabulate(ALL, operation="matvec")
    assert machine_balance(table) == pytest.approx(4)  # 40 GFLOP/s over 10 GB/s
    assert pace_sentence(table, MATVEC) == (
        "It has 0.25 flop of work for each byte that has to be moved; one core does 4 flop while a byte comes from "
        "memory: beyond the caches memory sets the pace, and wider vectors or more cores help only as far as they "
        "fetch faster."
    )
    inverse = msgspec.structs.replace(MATVEC, operation="inverse")
    assert "125 flop of work for each byte" in pace_sentence(table, inverse)
    assert "arithmetic sets the pace" in pace_sentence(table, inverse)
    assert "nothing to compute but much to move" in pace_sentence(table, VIEWED)
    without = msgspec.structs.replace(table, bandwidths={})
    assert pace_sentence(without, MATVEC) == "It has 0.25 flop of work for each byte that has to be moved."


def test_the_sentence_of_an_operation_names_its_fastest_kernel_and_its_base():
    table = tabulate(ALL, operation="matvec")
    sentence = operation_sentence(table, MATVEC)
    assert sentence.startswith("At n = 1000 (A @ v, float64), numpy_matvec on 2 threads, 8.01 GB/s, is 80.0×")
    assert sentence.endswith("faster than python_matvec (0.100 GB/s on 1 thread).")
    assert operation_sentence(table, PRODUCT) is None


def test_operations_stand_beside_each_other_with_what_threads_were_worth():
    tables = [tabulate(ALL, operation=each) for each in operations_of(ALL)]
    lines = contrast_table(tables).splitlines()
    assert len(lines) == 5
    assert "| A @ v " in lines[3]
    assert "2.00×" in lines[3]
    assert "50 % of peak" in lines[2]
    assert contrast_table([]) == ""


def test_what_the_shares_of_peak_are_over_stands_below_the_operations():
    tables = [tabulate(ALL, operation=each) for each in operations_of(ALL)]
    told = "Of peak: the rate over that of the fastest chain of multiply-adds of the run."
    assert told in contrast(tables)
    assert "Of peak" not in contrast(tables[1:])  # all of it is told against memory
    rows = tuple(msgspec.structs.replace(each, peak_share=Share(0.9, beside="round")) for each in tables[0].rows)
    paired = contrast([msgspec.structs.replace(tables[0], rows=rows), *tables[1:]])
    assert "Of peak: the rate over that of chains of multiply-adds timed in the same rounds." in paired


@pytest.mark.parametrize(
    ("bounds", "extrapolated", "told"),
    [
        ((9.0, 11.0), False, " 10.0\N{MULTIPLICATION SIGN} [9.00, 11.0] "),
        ((9.0, 11.0), True, " ~10.0\N{MULTIPLICATION SIGN} [9.00, 11.0] "),
        ((None, None), False, " 10.0\N{MULTIPLICATION SIGN}\N{DAGGER} "),
    ],
)
def test_a_speed_up_beside_each_other_is_over_the_base_and_keeps_its_marks(bounds, extrapolated, told):
    table = tabulate(ALL)
    over = SpeedUp("python_lists", 10.0, *bounds, extrapolated)
    rows = tuple(msgspec.structs.replace(each, speedup=over) for each in table.rows)
    heading, _, line = contrast_table([msgspec.structs.replace(table, rows=rows)]).splitlines()
    assert "over the base" in heading
    assert told in line


def test_an_interval_goes_the_other_way_round_from_time_to_traffic():
    found = row(tabulate(ALL, operation="matvec"), "python_matvec")
    assert found.traffic.low < found.traffic.estimate < found.traffic.high
    assert isinstance(found.traffic, Interval)


def test_pictures_are_of_the_operations_asked_for():
    first = tabulate(ALL)
    assert chosen_tables(ALL, first, None, None) == (first,)
    assert [each.operation for each in chosen_tables(ALL, first, None, "mat*")] == ["matmul", "matvec"]
    with pytest.raises(UsageError, match=r"^nothing of svd in this record; there are: matmul, matvec, transpose$"):
        chosen_tables(ALL, first, None, "svd")
