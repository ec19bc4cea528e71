"""Rows of A times a column of B: there is but one column for vectors to run along, so they run along k."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matbench.kernels.gemm.microkernel import begin, integer
from matbench.kernels.gemm.recipe import Code

__all__ = ["define_dots"]


def define_dots(module: Any, code: Code) -> Any:
    """A function that multiplies rows of A by a column of B whose elements lie side by side.

    Vectors run along k here: there is but one column for them to run along.

    Parameters
    ----------
    module, code
        As in `define_tile`.

    Returns
    -------
    llvmlite.ir.Function
        With arguments as in `SIGNATURE`: ``down_b`` is the number of rows, each has ``depth`` vectors and ``last``
        elements more. C is overwritten.
    """
    function, emit, given = begin(module, f"dots_{'_'.join(map(str, code))}", code)
    builder, size = emit.builder, integer(emit.vector_bytes)
    rows, most = given["down_b"], integer(code.rows)
    a, b, c = (emit.pointer(given[name]) for name in "abc")

    def step(mask: Any, carried: list[Any], down_a: list[Any]) -> list[Any]:
        *sums, a, b = carried
        y = emit.load(b, mask)
        sums = [
            emit.multiply_add(emit.load(emit.at(a, down), mask), y, total)
            for down, total in zip(down_a, sums, strict=True)
        ]
        return [*sums, emit.at(a, size), emit.at(b, size)]

    def some(count: int) -> Callable[[Any, list[Any]], list[Any]]:
        down_a, down_c = (
            [builder.mul(given[name], integer(i)) for i in range(count + 1)] for name in ("down_a", "down_c")
        )

        def rows_of_c(_: Any, carried: list[Any]) -> list[Any]:
            a, c = carried
            held = [*[emit.zero] * count, a, b]
            held = emit.loop(given["depth"], held, lambda _, held: step(None, held, down_a[:count]))
            if code.lanes > 1:
                held = step(emit.lanes_below(given["last"]), held, down_a[:count])
            for total, down in zip(held[:count], down_c, strict=False):
                builder.store(emit.sum_of(total), emit.at(c, down), align=1)
            return [emit.at(a, down_a[count]), emit.at(c, down_c[count])]

        return rows_of_c

    rest = emit.loop(builder.sdiv(rows, most), [a, c], some(code.rows))
    emit.loop(builder.srem(rows, most), rest, some(1))
    builder.ret_void()
    return function
