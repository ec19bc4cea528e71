"""What the two processes of a run say to each other: one JSON line a message, over pipes."""

from __future__ import annotations

import msgspec

from matbench.model import Block, Caches, Case, Ceiling, Dtype, Library, Measurement, Plan, Value
from matbench.pairing import Arm, Cell, PairBlock, PairProcess, Refusal, Settings
from matbench.tuning import TunedBlocks

__all__ = [
    "ENCODER",
    "Chain",
    "Finished",
    "Go",
    "Hello",
    "Job",
    "Known",
    "Message",
    "Order",
    "PairJob",
    "Pause",
    "Started",
    "decode_message",
    "decode_order",
]


class Known(Value, frozen=True):
    """A case that earlier processes of a run have found right and calibrated."""

    case: Case
    loops: int  # calls that fill a sample
    call_s: float  # time of a call, s
    processes: int  # in which it has been sampled


class Chain(Value, frozen=True):
    """Chains of multiply-adds that an earlier process of a run has calibrated: those of the widest vectors."""

    dtype: Dtype
    lanes: int  # elements of a vector
    steps: int  # that fill a sample


class Job(Value, frozen=True, tag="job", tag_field="type"):
    """What the sampling process has to do: sent once, as its first order."""

    plan: Plan
    blocks: tuple[Block, ...]  # of the plan, those still to be measured
    process: int  # index of this process within the run
    seconds: float  # time that this process and the later ones have, s
    memory_bytes: int  # memory that one case may take
    caches: Caches
    ceilings: bool = True  # whether memory bandwidth is to be measured
    chains: bool = True  # whether the peak is, at every vector width
    known_chains: tuple[Chain, ...] = ()  # which are sampled with the blocks all the same
    compiled: str | None = None  # folder for what Numba compiles, empty at first: a first call is to compile
    checked: tuple[tuple[str, Dtype], ...] = ()  # kernels that an earlier process compiled into it and found right
    known: tuple[Known, ...] = ()  # cases that need not be calibrated
    processes: int = 1  # of the run: each takes its part of the rounds
    later: int = 0  # processes that are to follow this one
    start_s: float = 0.0  # time that it took to start this process, s
    tuned: tuple[TunedBlocks, ...] = ()  # where kernels cut their loops, if that was tuned; the caller read it


class PairJob(Value, frozen=True, kw_only=True, tag="pairs", tag_field="type"):
    """What a process of a comparison has to do: sent once, as its first order."""

    settings: Settings
    cells: tuple[tuple[int, Cell], ...]  # with their indices in the record, in the order to be taken
    sources: dict[str, str]  # where the reader's own functions are: label -> 'module:function' or 'path.py:function'
    roots: dict[str, str] = msgspec.field(
        default_factory=dict
    )  # folders that those of a baseline are imported from, by label
    pickled: dict[str, bytes] = msgspec.field(
        default_factory=dict
    )  # functions that no process but their own can find, by label
    search: tuple[str, ...] = ()  # further folders to import from
    process: int  # index of this process within the record
    seed: int  # of everything that is random in it
    cell_s: float  # time that the blocks of one cell may take, s
    patience_s: float  # after which a call is said to hang, s
    memory_bytes: int  # memory that one cell may take
    caches: Caches
    known: tuple[
        tuple[int, Arm, int], ...
    ] = ()  # cell, arm, ns of a call: slow ones, found right by an earlier process
    compiled: str | None = None  # folder in which this run's processes share what they have compiled
    tuned: tuple[TunedBlocks, ...] = ()  # where kernels cut their loops, if that was tuned; the caller read it


class Go(Value, frozen=True, tag="go", tag_field="type"):
    """Go on after a pause; or come to an end, if `stop`."""

    stop: bool = False


class Hello(Value, frozen=True, tag="hello", tag_field="type"):
    """The sampling process has imported all it needs."""

    libraries: tuple[Library, ...]


class Started(Value, frozen=True, tag="started", tag_field="type"):
    """Something that takes time begins; unless another message comes within `allowed_s`, it hangs."""

    what: str
    allowed_s: float
    case: Case | None = None  # None: no single case can be blamed
    before_blocks: bool = False  # whether it is about the hardware's limits, before any block
    whole_kernel: bool = False  # whether its kernel as a whole is to blame, in every block


class Pause(Value, frozen=True, tag="pause", tag_field="type"):
    """Nothing is being timed: the parent may write, draw, and then has to say `Go`."""

    block: int  # blocks of the job that are finished
    left_s: float  # expected time left, s


class Finished(Value, frozen=True, tag="finished", tag_field="type"):
    """The job is done, or was stopped."""

    threading_layer: str | None
    libraries: tuple[Library, ...]


Message = Hello | Started | Pause | Finished | Measurement | Ceiling | PairBlock | PairProcess | Refusal
Order = Job | PairJob | Go

ENCODER = msgspec.json.Encoder()
_MESSAGES = msgspec.json.Decoder(Message)
_ORDERS = msgspec.json.Decoder(Order)


def decode_message(line: bytes) -> Message:
    """A message from the sampling process."""
    message: Message = _MESSAGES.decode(line)
    return message


def decode_order(line: bytes) -> Order:
    """An order from the parent."""
    order: Order = _ORDERS.decode(line)
    return order
