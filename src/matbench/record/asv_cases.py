"""What the parameters of a benchmark of asv's mean, and its results as measurements of cases; pure functions."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from msgspec import Meta

from matbench.model import DTYPES, Case, Dtype, Measurement, Problem, Samples
from matbench.operations import OPERATIONS, PRODUCT, OperationName
from matbench.record.asv_format import FURTHER, PARAMETERS, TIMED
from matbench.record.files import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["LARGEST", "Entry", "Shape", "labels", "measurements", "operation_of", "plain", "shape_of"]

LARGEST = 2**20  # size that a record can hold
MOST_NS = 2**62
MOST_LOOPS = 2**40
MOST_THREADS = 2**16
LONGEST = 80  # characters of a kernel's name

# Names of the parameter that is the size, best first, and what else looks like one.
SIZES = ("n", "size", "length", "len", "dim", "shape", "m")
SIZE_LIKE = re.compile(
    r".*size|(.*_)?(len|length|n)|(n|num|number)_?(of_)?(rows?|cols?|columns?|samples?|elem(ent)?s?|items?|points?)"
)
THREADS = re.compile(r"(n|num|number)?_?(of_)?threads?")
UNNAMED = re.compile(r"param\d*")  # what asv calls a parameter that its suite gave no name
WHOLE = re.compile(r"[1-9][0-9]{0,17}")
QUOTED = re.compile(r"u?'(.*)'|\"(.*)\"|<(?:class|function|type) '?([^ '>]+).*>|dtype\('(.*)'\)", re.DOTALL)

FAILED = "it failed under asv, which keeps no reason"

Item = TypeVar("Item")


class Entry(msgspec.Struct):
    """The results of one benchmark: parallel lists, one value a combination of parameters."""

    result: list[float | None] | None = None  # s; None: failed, NaN: skipped
    params: list[list[str]] = msgspec.field(default_factory=list)  # as `repr` writes them
    started_at: float | None = None  # ms since 1970
    duration: float | None = None  # s
    samples: list[list[float] | None] | None = None  # s of one call
    stats_number: list[Annotated[int, Meta(ge=1, le=MOST_LOOPS)] | None] | None = None
    stats_loops: list[list[int] | None] | None = None
    stats_process: list[list[int] | None] | None = None
    stats_round: list[list[int] | None] | None = None


@dataclass(frozen=True)
class Shape:
    """A benchmark and what its parameters are: their places, None where it has no such.

    Attributes
    ----------
    name
        Full name of the benchmark.
    entry
        Its results.
    size, dtype, threads
        Which parameter is the size, the element type, the number of threads.
    others
        All further parameters, which make up the kernel.
    """

    name: str
    entry: Entry
    size: int | None = None
    dtype: int | None = None
    threads: int | None = None
    others: tuple[int, ...] = field(default=())

    def kernel(self, values: Sequence[str], prefix: str) -> str:
        """The name of the kernel that a combination of parameters stands for."""
        told = ", ".join(plain(values[place]) for place in self.others)
        if not prefix or not told:
            return _short(prefix or told or self.name)
        return _short(f"{prefix}({told})")


def plain(value: str) -> str:
    """A parameter without what only `repr` needs.

    Examples
    --------
    >>> [plain(each) for each in ("'quick'", "<class 'numpy.int8'>", "None", "dtype('float32')")]
    ['quick', 'numpy.int8', 'None', 'float32']
    """
    found = QUOTED.fullmatch(value)
    return next((each for each in found.groups() if each), value) if found else value


def _short(text: str) -> str:
    """`text` as a record can hold it: printable, no longer than a name may be, and still told from others."""
    name = printable(text, LONGEST)
    if name == text:
        return name
    return f"{name[: LONGEST - 9]}~{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"


def shape_of(name: str, entry: Entry, names: Sequence[str]) -> Shape:
    """What the parameters of a benchmark are.

    Parameters
    ----------
    name
        Of the benchmark.
    entry
        Its results.
    names
        Of its parameters; where they are not known, empty.
    """
    params = entry.params
    if not names and (name == TIMED or operation_of(name) != PRODUCT):
        names = PARAMETERS
    named = [each.lower() for each in names] if len(names) == len(params) else [""] * len(params)
    whole = [place for place, values in enumerate(params) if values and all(WHOLE.fullmatch(each) for each in values)]
    threads = next((place for place in whole if THREADS.fullmatch(named[place])), None)
    size = _size(named, [place for place in whole if place != threads])
    typed = (place for place, values in enumerate(params) if values and all(_dtype(each) for each in values))
    dtype = next(typed, None)
    others = tuple(place for place in range(len(params)) if place not in {size, dtype, threads})
    return Shape(name, entry, size, dtype, threads, others)


def operation_of(name: str) -> OperationName:
    """What a benchmark times: that of our suite that its name tells, else the product, as far as anybody knows.

    Examples
    --------
    >>> operation_of("bench_operations.time_svd"), operation_of("sorts.time_sort")
    ('svd', 'matmul')
    """
    told = name.removeprefix(FURTHER) if name.startswith(FURTHER) else ""
    return next((each for each in OPERATIONS if each == told), PRODUCT)


def _size(named: Sequence[str], whole: Sequence[int]) -> int | None:
    """Which of the parameters with whole numbers is the size: by its name; where none has a name, the only one."""
    ranked = [(SIZES.index(named[place]), place) for place in whole if named[place] in SIZES]
    if ranked:
        return min(ranked)[1]
    alike = [place for place in whole if SIZE_LIKE.fullmatch(named[place])]
    if alike:
        return alike[0]
    is_unnamed = all(not each or UNNAMED.fullmatch(each) for each in named)
    return whole[0] if is_unnamed and len(whole) == 1 else None


def _dtype(value: str) -> Dtype | None:
    told = plain(value).removeprefix("numpy.").removeprefix("np.")
    return next((dtype for dtype in DTYPES if dtype == told), None)


def labels(names: Iterable[str]) -> dict[str, str]:
    """What each benchmark contributes to the names of its kernels: as little of its name as tells it from the others.

    Our own contributes nothing, nor does a benchmark that is alone.

    Examples
    --------
    >>> labels(["sorts.Sort.time_sort", "sorts.Sort.time_argsort", "fft.Real.time_fft", "fft.Complex.time_fft"])
    ... # doctest: +NORMALIZE_WHITESPACE
    {'sorts.Sort.time_sort': 'sort', 'sorts.Sort.time_argsort': 'argsort',
     'fft.Real.time_fft': 'Real.fft', 'fft.Complex.time_fft': 'Complex.fft'}
    """
    every = list(names)
    if len(every) == 1:
        return {every[0]: ""}
    parts = {name: [re.sub(r"^time(raw)?_(?=.)", "", part) for part in name.split(".")] for name in every}
    found = {}
    for name, own in parts.items():
        for count in range(1, len(own) + 1):
            told = ".".join(own[-count:])
            if Counter(".".join(other[-count:]) for other in parts.values())[told] == 1:
                break
        else:
            told = name
        found[name] = "" if name == TIMED or operation_of(name) != PRODUCT else told
    return found


def measurements(shape: Shape, prefix: str, process: int) -> Iterator[Measurement | None]:
    """The results of a benchmark with a size; None for one at a size that no record can hold.

    Skipped combinations are left out.

    Parameters
    ----------
    shape
        The benchmark; its lists are as long as its parameters combine to.
    prefix
        What its name contributes to the names of its kernels.
    process
        Number of the first combination. Unless the file tells in which rounds samples were taken, each combination
        counts as a process of its own: samples of different ones were not taken side by side, and must not pair.
    """
    entry = shape.entry
    for place, values in enumerate(itertools.product(*entry.params)):
        value = entry.result[place] if entry.result is not None else None
        if value is not None and math.isnan(value):
            continue
        case = _case(shape, values, prefix)
        yield None if case is None else _measurement(case, value, entry, place, process + place)


def _case(shape: Shape, values: Sequence[str], prefix: str) -> Case | None:
    if shape.size is None:
        raise ValueError("only benchmarks with a size have cases")
    n = int(values[shape.size])
    threads = min(int(values[shape.threads]), MOST_THREADS) if shape.threads is not None else 1
    dtype = (_dtype(values[shape.dtype]) if shape.dtype is not None else None) or "float64"
    if n > LARGEST:
        return None
    return Case(shape.kernel(values, prefix), Problem(n, n, n, dtype, operation=operation_of(shape.name)), threads)


def _measurement(case: Case, value: float | None, entry: Entry, place: int, process: int) -> Measurement:
    if value is None:
        return Measurement(case, outcome="ended", reason=FAILED)
    seconds = (_at(entry.samples, place) or [value]) if value > 0 else [value]
    number = _at(entry.stats_number, place) or 1
    loops, processes, rounds = _exact(entry, place, len(seconds)) or (
        [number] * len(seconds),
        [process] * len(seconds),
        range(len(seconds)),
    )
    elapsed = [time * count * 1e9 for time, count in zip(seconds, loops, strict=True)]
    if not all(0 < each < MOST_NS for each in elapsed):
        return Measurement(case, outcome="ended", reason=f"asv holds no time for it but {value:.3g} s")
    elapsed_ns = tuple(max(1, round(each)) for each in elapsed)
    return Measurement(case, samples=Samples(tuple(loops), elapsed_ns, tuple(processes), tuple(rounds)))


def _at(values: Sequence[Item | None] | None, place: int) -> Item | None:
    return values[place] if values is not None else None


def _exact(entry: Entry, place: int, count: int) -> tuple[list[int], list[int], list[int]] | None:
    """Loops, processes and rounds of the samples where our exporter left them and nobody changed the samples since."""
    columns = (entry.stats_loops, entry.stats_process, entry.stats_round)
    if any(column is None or len(column) <= place for column in columns):
        return None
    loops, processes, rounds = (_at(column, place) or [] for column in columns)
    if not len(loops) == len(processes) == len(rounds) == count:
        return None
    is_sane = all(1 <= each <= MOST_LOOPS for each in loops) and all(
        0 <= each <= MOST_NS for each in processes + rounds
    )
    return (loops, processes, rounds) if is_sane else None
