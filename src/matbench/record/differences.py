"""What differs between a record and the machine and software at hand: a run is continued only where nothing does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.record.files import printable
from matbench.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matbench.model import Environment, Header, Host, Library
    from matbench.pairing import PairHeader

__all__ = ["differences"]


def differences(header: Header | PairHeader, host: Host, environment: Environment) -> tuple[str, ...]:
    """What is not here as it was when the record with `header` was begun, a phrase each; empty if it may go on.

    What only one side knows (libraries that are not loaded yet, a threading layer) is no difference. A machine
    that can't be recognised is one: two equal machines must not be mixed in one record.

    Examples
    --------
    A phrase reads ``numpy 2.4.6 here, 2.3.1 in the record``.
    """
    return (*_host_differences(header.host, host), *_software_differences(header.environment, environment))


def _phrase(what: str, here: object, there: object) -> str:
    return f"{printable(what)} {_said(here)} here, {_said(there)} in the record"


def _said(value: object) -> str:
    return "missing" if value is None or value == "" else printable(value)


def _compared(what: Mapping[str, tuple[object, object]]) -> Iterator[str]:
    """A phrase for each name whose two values, here and in the record, differ."""
    return (_phrase(name, here, there) for name, (here, there) in what.items() if here != there)


def _host_differences(there: Host, here: Host) -> Iterator[str]:
    if here.host_id == "unknown" or there.host_id == "unknown":
        yield _phrase("machine identity", here.host_id, there.host_id)
    yield from _compared(
        {
            "machine": (here.host_id, there.host_id) if "unknown" not in {here.host_id, there.host_id} else ("", ""),
            "system": (here.system, there.system),
            "architecture": (here.architecture, there.architecture),
            "processor": (here.cpu.brand, there.cpu.brand),
            "logical CPUs": (here.logical_cpus, there.logical_cpus),
            "memory": (_size(here.memory_bytes), _size(there.memory_bytes)),
            "hypervisor": (here.hypervisor, there.hypervisor),
        }
    )


def _size(count: int | None) -> str | None:
    """Memory to the precision that matters: a new kernel may reserve a few MiB more."""
    return None if count is None else format_bytes(count)


def _software_differences(there: Environment, here: Environment) -> Iterator[str]:
    layers = (here.numba_threading_layer, there.numba_threading_layer)
    yield from _compared(
        {
            "Python": (here.python, there.python),
            "implementation": (here.implementation, there.implementation),
            "system release": (here.system_release, there.system_release),
        }
    )
    yield from _mapping_differences(there.packages, here.packages)
    yield from _library_differences(there.libraries, here.libraries)
    if here.numpy_simd and there.numpy_simd:
        yield from _compared({"NumPy's SIMD extensions": (" ".join(here.numpy_simd), " ".join(there.numpy_simd))})
    if None not in layers:
        yield from _compared({"Numba's threading layer": layers})
    yield from _mapping_differences(there.variables, here.variables)


def _mapping_differences(there: Mapping[str, str], here: Mapping[str, str]) -> Iterator[str]:
    names = sorted({*there, *here})
    return _compared({name: (here.get(name), there.get(name)) for name in names})


def _library_differences(there: tuple[Library, ...], here: tuple[Library, ...]) -> Iterator[str]:
    """Differences of BLAS libraries, and of those OpenMP libraries that both sides have loaded."""
    if not there or not here:
        return iter(())
    described = [{(library.api, library.name): _described(library) for library in side} for side in (here, there)]
    common = described[0].keys() & described[1].keys()
    keys = sorted(key for key in described[0].keys() | described[1].keys() if key[0] == "blas" or key in common)
    return _compared({name: (described[0].get((api, name)), described[1].get((api, name))) for api, name in keys})


def _described(library: Library) -> str:
    return f"{library.version} ({library.architecture}, {library.threading_layer})"
