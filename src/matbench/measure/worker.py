"""The sampling process: started afresh, it does nothing but what its job says, a run's or a comparison's.

Run as ``python -m matbench.measure.worker [BLAS library ..]``: orders come in on standard input, messages go out on
what was standard output. Whatever a kernel prints goes to standard error instead.
"""

from __future__ import annotations

import functools
import gc
import os
import queue
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath
from typing import BinaryIO, TextIO, cast

import msgspec

from matbench.kernels import Kernel, Registry, default_registry
from matbench.kernels.registry import Function
from matbench.measure.bench import Bench
from matbench.measure.clock import Clock, SystemClock
from matbench.measure.libraries import add_blas_kernels, loaded_libraries
from matbench.measure.pairs_arms import cached
from matbench.measure.pairs_worker import compare
from matbench.measure.plan import LOAD_S, cases_of
from matbench.measure.protocol import ENCODER, Finished, Go, Hello, Job, Message, Order, PairJob, Pause, decode_order
from matbench.measure.roofs import load_chains, measure_chains, measure_levels, measure_streams
from matbench.measure.threads import ThreadControl
from matbench.measure.tuning import with_tuned
from matbench.measure.turns import Turn, is_base, own_share, within
from matbench.model import Block, Case, Dtype, Library, Measurement
from matbench.operations import OPERATIONS

__all__ = ["main", "work"]

FOR_SAMPLES = 0.85  # of the time of a process that is not the first; the rest goes to operands, checks and waiting


class Channel:
    """Messages out, orders in. When the parent is gone, so is this process."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._outgoing = outgoing
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        # A thread that waits for input costs nothing, and it alone can notice that the parent died while the main
        # thread is inside a call of minutes.
        threading.Thread(target=self._listen, args=(incoming,), daemon=True).start()

    def _listen(self, incoming: BinaryIO) -> None:
        for line in incoming:
            self._orders.put(decode_order(line))
        os._exit(3)

    def tell(self, message: Message) -> None:
        """Send one message."""
        self._outgoing.write(ENCODER.encode(message) + b"\n")
        self._outgoing.flush()

    def order(self) -> Order:
        """The next order; waits for it."""
        return self._orders.get()


def described_libraries() -> tuple[Library, ...]:
    """The libraries in this process as a record keeps them: base names, no paths."""
    return tuple(
        Library(
            api=str(each["user_api"]),
            # All OpenMP runtimes have one interface: the prefix (libgomp, libiomp) tells them apart.
            name=str(each["prefix"] if each["user_api"] == "openmp" else each["internal_api"]),
            version=str(each.get("version") or "unknown"),
            architecture=str(each.get("architecture") or "unknown"),
            threading_layer=str(each.get("threading_layer") or "unknown"),
            filename=os.path.basename(each["filepath"]),  # noqa: PTH119  a foreign path, perhaps of another system
        )
        for each in loaded_libraries()
    )


def _threading_layer() -> str | None:
    numba = sys.modules.get("numba")
    try:
        return str(numba.threading_layer()) if numba else None
    except ValueError:  # no parallel kernel has run
        return None


def _compile_into(folder: str | None) -> None:
    """Have Numba keep what it compiles in a folder; it asks where whenever a kernel is bound."""
    numba = sys.modules.get("numba")
    if numba is not None and folder is not None:
        numba.config.CACHE_DIR = folder


def work(job: Job, registry: Registry, channel: Channel, clock: Clock) -> None:
    """Do a job, asking for leave to go on wherever nothing is being timed."""
    deadline = clock.wall_ns() + job.seconds * 1e9
    gc.collect()
    gc.freeze()  # what is imported stays: no later collection has to look at it

    def left_s() -> float:
        return max(0.0, (deadline - clock.wall_ns()) * 1e-9)

    @functools.cache
    def bound(made: Kernel, dtype: Dtype) -> Function:
        function = made.bind(dtype, job.caches)
        if job.processes > 1 and job.compiled is not None:
            cached(function, str(PurePath(job.compiled) / f"{zlib.crc32(made.name.encode()):08x}"))
        return function

    bench = Bench(
        registry=registry,
        plan=job.plan,
        process=job.process,
        memory_bytes=job.memory_bytes,
        clock=clock,
        control=ThreadControl(),
        tell=channel.tell,
        bound=bound,
        ends_ns=deadline,
        turn=Turn(job.processes, job.later),
        known={each.case: each for each in job.known},
        checked=frozenset(job.checked),
    )
    for done in _steps(bench, job, left_s):
        channel.tell(Pause(block=done, left_s=left_s()))
        answer = channel.order()
        if not isinstance(answer, Go) or answer.stop:
            break


def _steps(bench: Bench, job: Job, left_s: Callable[[], float]) -> Iterator[int]:
    """Ceilings first, then block after block, each with its share of the time left; yields the blocks done."""
    for _ in _limits(bench, job, left_s):
        yield 0
    blocks = tuple(_here(bench, block) for block in job.blocks)
    for _ in _compile(bench, blocks, left_s):
        yield 0
    theirs_s = _kept_for_later(bench, job, blocks, left_s())
    for index, block in enumerate(blocks):
        seconds = first_share([bench.needs(each) for each in blocks[index:]], max(0.0, left_s() - theirs_s))
        for _ in bench.measure(block, seconds):
            yield index
        yield index + 1


def _limits(bench: Bench, job: Job, left_s: Callable[[], float]) -> Iterator[None]:
    """The hardware's limits, as far as they are this process's to measure."""
    dtypes = tuple(dict.fromkeys(block.problem.dtype for block in job.blocks))
    threads = sorted({1} | {count for block in job.blocks for _, count in block.arms})
    if job.chains:
        yield from measure_chains(bench, dtypes, threads)
    yield from load_chains(bench, [each for each in job.known_chains if each.dtype in dtypes], threads)
    if job.ceilings:
        yield from measure_streams(bench, job.caches, threads, left_s())
        yield from measure_levels(bench, job.caches, threads, left_s())


def _kept_for_later(bench: Bench, job: Job, blocks: Sequence[Block], left_s: float) -> float:
    """Time that the processes after this one get, s.

    Small cases overrun into it where this process is late: that each is measured at all comes before intervals.
    """
    compiled = sum(bench.registry.get(name).compiled for name, _ in bench.laws)
    chains = 2 * len({dtype for dtype, _ in bench.fma_steps})  # on one thread, and on several
    start_s = job.start_s + LOAD_S * (compiled + chains)
    bench.spared = _spared(bench, blocks, FOR_SAMPLES * (left_s - job.later * start_s) / (job.later + 1))
    if not job.later:
        return 0.0
    now, each = (
        (sum(least for least, _ in needs), sum(wanted for _, wanted in needs))
        for needs in ([bench.needs(block) for block in blocks], [bench.needs(block, 1) for block in blocks])
    )
    own_s = own_share(now, each, job.later, max(0.0, left_s - job.later * start_s))
    return left_s - own_s


def _spared(bench: Bench, blocks: Sequence[Block], limit_s: float) -> frozenset[Case]:
    """Known cases that would not fit into the time of this process, the dearest first.

    A base is worth as much as all that is told over it.
    """
    costs: dict[Case, float] = {}
    worths: list[int] = []
    for block in blocks:
        for case in cases_of(block):
            if case in bench.known:
                costs[case] = bench.least(case)
                worths.append(len(block.arms) if is_base(bench.plan, case.kernel, case.problem) else 1)
    kept = within([*costs.values()], worths, limit_s)
    return frozenset(case for place, case in enumerate(costs) if place not in kept)


def _compile(bench: Bench, blocks: Sequence[Block], left_s: Callable[[], float]) -> Iterator[None]:
    """Compile and check every kernel once, as long as there is time: what can't be measured any more need not be."""
    for block in blocks:
        for name, count in block.arms:
            if left_s() > 0:
                bench.learn_kernel(bench.registry.get(name), Case(kernel=name, problem=block.problem, threads=count))
                yield


def _here(bench: Bench, block: Block) -> Block:
    """A block without the arms that this process does not know: a library that only the parent has loaded."""
    for name, threads in block.arms:
        if name not in bench.registry.names:
            reason = "its library is not loaded in the sampling process; name its file with --blas"
            case = Case(kernel=name, problem=block.problem, threads=threads)
            bench.tell(Measurement(case=case, outcome="skipped", reason=reason))
    arms = tuple(arm for arm in block.arms if arm[0] in bench.registry.names)
    return msgspec.structs.replace(block, arms=arms)


def first_share(needs: Sequence[tuple[float, float]], left_s: float) -> float:
    """Time for the first of several blocks, s, each with its least and its wanted time.

    Every block gets its least; what is left goes round until the modest have all that they want and the others
    equal parts. What nobody wants is shared out all the same: estimates err. If not even the least is there for all,
    the first are served first.

    Examples
    --------
    >>> first_share([(1.0, 3.0), (2.0, 9.0)], left_s=8.0)
    3.0
    >>> first_share([(2.0, 9.0), (1.0, 3.0)], left_s=8.0)
    5.0
    >>> first_share([(1.0, 3.0), (2.0, 4.0)], left_s=9.0)
    4.0
    >>> first_share([(1.0, 3.0), (2.0, 4.0)], left_s=1.5)
    1.0
    """
    least = sum(each[0] for each in needs)
    if left_s < least:
        return min(left_s, needs[0][0])
    left, mine = left_s - least, needs[0][1] - needs[0][0]
    extras = sorted(wanted - least for least, wanted in needs)
    for place, extra in enumerate(extras):
        share = left / (len(extras) - place)
        if extra > share:
            return needs[0][0] + min(mine, share)
        left -= extra
    return needs[0][1] + left / len(needs)


def main(registry: Registry | None = None) -> None:
    """Greet, take a job, do it, say goodbye.

    Parameters
    ----------
    registry
        The kernels there are; by default those of this installation.
    """
    outgoing = cast("BinaryIO", os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # prints of kernels must not look like messages
    sys.stdout = cast("TextIO", sys.stderr)
    registry = default_registry(*OPERATIONS) if registry is None else registry
    add_blas_kernels(registry, sys.argv[1:])
    channel = Channel(sys.stdin.buffer, outgoing)
    channel.tell(Hello(libraries=described_libraries()))
    job = channel.order()
    if isinstance(job, Job):
        _compile_into(job.compiled)
        work(job, with_tuned(registry, job.tuned), channel, SystemClock())
    elif isinstance(job, PairJob):
        compare(job, with_tuned(registry, job.tuned), channel, SystemClock())
    channel.tell(Finished(threading_layer=_threading_layer(), libraries=described_libraries()))
    outgoing.close()
    os._exit(0)  # the listening thread still waits for input; there is nothing left to clean up


if __name__ == "__main__":
    main()
