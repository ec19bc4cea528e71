"""``matbench show --machine-code``: what the compiled kernels of a record were compiled to, from the record alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from matbench.cli import console
from matbench.cli.options import results_option
from matbench.cli.reading import load_table, parse_dtype
from matbench.errors import UsageError
from matbench.present.machine_code import code_object, codes_table, compiled_kernels
from matbench.present.words import clean

__all__ = ["show_machine_code"]


def show_machine_code(
    argument: str | None, results: Path, *, dtype: str | None, beside: Mapping[str, object], as_json: bool
) -> int:
    """Print what hot loops consist of, a line a kernel and element type.

    Raises
    ------
    UsageError
        If one of the options in `beside`, which have no meaning here, was given.
    """
    for option, value in beside.items():
        if value is not None and value is not False:
            raise UsageError(f"--machine-code is told by kernel and type; leave out {option}")
    element = None if dtype is None else parse_dtype(dtype)
    record, _ = load_table(argument, results, None)
    header, found = record.header, compiled_kernels(record, element)
    if as_json:
        told = [
            {"kernel": one.kernel, "operation": one.operation, "dtype": one.dtype, **code_object(one.code)}
            for one in found
        ]
        content = {"record": header.id, "cpu": header.host.cpu.brand, "machine_code": told}
        console.data(msgspec.json.format(msgspec.json.encode(content), indent=1).decode())
        return 0
    cpu = clean(header.host.cpu.brand)
    if not found:
        of = "" if element is None else f" in {element}"
        console.data(f"Record {clean(header.id)} holds no machine code{of}: nothing in it was compiled, or counted.")
        console.hint("measure it: matbench run | or look at one kernel here: matbench explain numba_ikj")
        return 0
    console.data(f"{clean(header.machine)}: {cpu}, record {clean(header.id)}\n\n{codes_table(found)}")
    console.hint(f"one of them: matbench explain {clean(found[0].kernel)}{results_option(results)}")
    return 0
