"""Where Numba's code meets the generated code: tables of functions, and calls through them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any

from llvmlite import ir

from matbench.kernels.gemm.compiling import Emitted, PartCompiler
from matbench.kernels.gemm.copies import define_copy, define_row_copy, define_strided_copy, define_transposition
from matbench.kernels.gemm.dots import define_dots
from matbench.kernels.gemm.microkernel import SIGNATURE, define_tile, function_type
from matbench.kernels.gemm.recipe import Code
from matbench.kernels.jit import njit

__all__ = [
    "allocate",
    "apart",
    "call_entry",
    "call_two",
    "copy_functions",
    "copy_table",
    "enter",
    "entry_of",
    "inner",
    "interrupt",
    "leave",
    "let_go",
    "loaded",
    "place_of",
    "release",
    "stored",
    "take_back",
    "thread_count",
    "tile_functions",
    "tile_table",
    "typed_table",
    "version",
]

# Of Numba's annotations some are missing and some are those of what it is given, not of what it makes.
types: Any = import_module("numba.types")
cgutils: Any = import_module("numba.core.cgutils")
intrinsic: Any = import_module("numba.extending").intrinsic
_INT = ir.IntType(64)
_POINTER = ir.PointerType()
_TWO = ir.FunctionType(_INT, [_INT, _INT])

# Functions that are called from compiled code only need no entry for Python: a third less to compile.
inner = functools.partial(
    njit, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, no_rewrites=True, pipeline_class=PartCompiler
)


def tile_functions(module: Any, code: Code) -> list[Any]:
    """Register tiles of every size up to the recipe's: whole ones, then those whose last vector is not full.

    The tile of r rows and v vectors is entry ``(v - 1) * rows + r - 1``, its partial one `rows` x `vectors` later.
    After them comes what multiplies rows by a column.
    """
    sizes = [(r, v) for v in range(1, code.vectors + 1) for r in range(1, code.rows + 1)]
    partial = [define_tile(module, code, r, v, partial=True) for r, v in sizes]

    def whole(index: int, r: int, v: int) -> Any:
        if code.masks and r < code.rows:
            return partial[index]  # as fast; what is rare is not compiled twice
        return define_tile(module, code, r, v, partial=False)

    tiles = [*(whole(index, r, v) for index, (r, v) in enumerate(sizes)), *partial]
    return [*tiles, define_dots(module, code)]


def copy_functions(module: Any, code: Code) -> list[Any]:
    """Copies between any distances, of rows, of columns to rows; of panels of 1, 2, .. vectors, and partial ones."""
    widths = range(1, code.vectors + 1)
    panels = [define_copy(module, code, v, partial=partial) for partial in (False, True) for v in widths]
    others = [define(module, code) for define in (define_strided_copy, define_row_copy, define_transposition)]
    return [*others, *panels]


def _table(context: Any, builder: Any, name: str, functions: Callable[[Any, Code], list[Any]], code: Code) -> Any:
    """The address of a constant table of functions, as a number."""
    module = builder.module
    name = f"{name}_{'_'.join(map(str, code))}"
    table = module.globals.get(name)
    if table is None:
        emitted = context.create_module(name)
        entries = functions(emitted, code)
        table = _constant(emitted, name, ir.ArrayType(_POINTER, len(entries)))
        table.linkage = "linkonce_odr"
        table.initializer = ir.Constant(table.value_type, entries)
        library = context.active_code_library
        library.add_linking_library(Emitted.of(context.codegen(), emitted))
        table = _constant(module, name, table.value_type)  # which is found when both are linked
    return builder.ptrtoint(table, _INT)


def _constant(module: Any, name: str, kind: Any) -> Any:
    constant = ir.GlobalVariable(module, kind, name)
    constant.global_constant = True
    return constant


def typed_table(literals: Any, name: str, functions: Callable[[Any, Code], list[Any]]) -> Any:
    """What Numba asks of an intrinsic: its types, and who generates the code."""
    if not isinstance(literals, types.BaseTuple) or not all(isinstance(each, types.Literal) for each in literals):
        return None  # Numba asks again with the values
    code = Code(*(each.literal_value for each in literals))

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        return _table(context, builder, name, functions, code)

    return types.intp(literals), generate


@intrinsic(prefer_literal=True)
def tile_table(_typingctx: Any, code: Any) -> Any:
    """The address of the table of register tiles; see `tile_functions` for its order."""
    return typed_table(code, "register_tiles", tile_functions)


@intrinsic(prefer_literal=True)
def copy_table(_typingctx: Any, code: Any) -> Any:
    """The address of the table of copies; see `copy_functions` for its order."""
    return typed_table(code, "panel_copies", copy_functions)


@intrinsic
def call_entry(_typingctx: Any, _table: Any, _number: Any, arguments: Any) -> Any:
    """Call the function of a table that has a number; `arguments` is a tuple of integers as `SIGNATURE` lists them."""
    if len(arguments) != len(SIGNATURE):
        return None

    def generate(context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        first = builder.inttoptr(given[0], ir.PointerType())
        place = builder.gep(first, [given[1]], source_etype=ir.PointerType())
        function = builder.load(place, typ=function_type().as_pointer())
        builder.call(function, cgutils.unpack_tuple(builder, given[2]))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, arguments), generate


@intrinsic
def apart(_typingctx: Any) -> Any:
    """Keep the function that calls this from being copied into its callers: it would be compiled for each."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def thread_count(_typingctx: Any) -> Any:
    """How many threads Numba was told to use. Numba's own function of that use can't be cached on disk."""

    def generate(_context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        kind = ir.FunctionType(_INT, [])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "get_num_threads"), [])

    return types.intp(), generate


@intrinsic
def entry_of(typingctx: Any, function: Any) -> Any:
    """The address of a compiled function of two integers that returns one and raises nothing.

    Called through its address, it is compiled into the function that asks for it, and not into each that calls it.
    """
    signature = function.get_call_type(typingctx, (types.intp, types.intp), {})

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        compiled = function.dispatcher.get_compile_result(signature)
        context.active_code_library.add_linking_library(compiled.library)
        entry = ir.Function(builder.module, _TWO, f"{compiled.fndesc.mangled_name}_entry")
        entry.linkage = "internal"
        inside = ir.IRBuilder(entry.append_basic_block("entry"))
        _, result = context.call_internal_no_propagate(inside, compiled.fndesc, signature, entry.args)
        inside.ret(result)
        return builder.ptrtoint(entry, _INT)

    return types.intp(function), generate


@intrinsic
def call_two(_typingctx: Any, _address: Any, _x: Any, _y: Any) -> Any:
    """Call what `entry_of` gave."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.call(builder.inttoptr(arguments[0], _TWO.as_pointer()), arguments[1:])

    return types.intp(types.intp, types.intp, types.intp), generate


@intrinsic
def allocate(_typingctx: Any, _size: Any) -> Any:
    """The address of so many bytes of memory, or 0 where there are none."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ptrtoint(context.nrt.allocate(builder, arguments[0]), _INT)

    return types.intp(types.intp), generate


@intrinsic
def release(_typingctx: Any, _address: Any) -> Any:
    """Give back what `allocate` gave."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        context.nrt.free(builder, builder.inttoptr(arguments[0], ir.PointerType()))
        return context.get_dummy_value()

    return types.void(types.intp), generate


@intrinsic
def stored(_typingctx: Any, value: Any) -> Any:
    """The address of a value, put on the stack of the function that asks."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ptrtoint(cgutils.alloca_once_value(builder, arguments[0]), _INT)

    return types.intp(value), generate


@intrinsic
def loaded(_typingctx: Any, address: Any, like: Any) -> Any:
    """The value `stored` at an address; `like` is any of its type."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], ir.PointerType())
        return builder.load(place, typ=context.get_value_type(like))

    return like(address, like), generate


def _flag(module: Any) -> Any:
    """A number that all compiled code shares, 0 at first."""
    name = "several_threads_at_work"
    flag = module.globals.get(name)
    if flag is None:
        flag = ir.GlobalVariable(module, _INT, name)
        flag.linkage = "linkonce_odr"
        flag.initializer = ir.Constant(_INT, 0)
    return flag


@intrinsic
def enter(_typingctx: Any) -> Any:
    """Whether nobody else is between `enter` and `leave`."""

    def generate(_context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        free, taken = ir.Constant(_INT, 0), ir.Constant(_INT, 1)
        answer = builder.cmpxchg(_flag(builder.module), free, taken, "acq_rel", "acquire")
        return builder.extract_value(answer, 1)

    return types.boolean(), generate


@intrinsic
def leave(_typingctx: Any) -> Any:
    """Let the next one `enter`."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        builder.store_atomic(ir.Constant(_INT, 0), _flag(builder.module), "release", 8)
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic(prefer_literal=True)
def place_of(_typingctx: Any, name: Any) -> Any:
    """The address of a number that llvmlite was told by this name; it is found anew by each process that loads this."""
    if not isinstance(name, types.Literal):
        return None  # Numba asks again with the value

    def generate(_context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        module = builder.module
        symbol = name.literal_value
        place = module.globals.get(symbol) or ir.GlobalVariable(module, _INT, symbol)
        return builder.ptrtoint(place, _INT)

    return types.intp(name), generate


@intrinsic(prefer_literal=True)
def version(_typingctx: Any, number: Any) -> Any:
    """Do nothing: a number that a function mentions is part of the key by which its code is found on disk."""

    def generate(context: Any, _builder: Any, _signature: Any, _arguments: Any) -> Any:
        return context.get_dummy_value()

    return types.void(number), generate


@intrinsic
def let_go(_typingctx: Any) -> Any:
    """Let other threads of Python run; what comes back is for `take_back`. Only who has Python's lock may do so."""

    def generate(_context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        save = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_POINTER, []), "PyEval_SaveThread")
        return builder.ptrtoint(builder.call(save, []), _INT)

    return types.intp(), generate


@intrinsic
def take_back(_typingctx: Any, _state: Any) -> Any:
    """Wait for Python's lock."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_POINTER])
        restore = cgutils.get_or_insert_function(builder.module, kind, "PyEval_RestoreThread")
        builder.call(restore, [builder.inttoptr(arguments[0], _POINTER)])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@intrinsic
def interrupt(_typingctx: Any, _is_due: Any) -> Any:
    """Raise ``KeyboardInterrupt`` where it is due: in a statement, Numba raises exceptions that are errors only."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        with builder.if_then(arguments[0], likely=False):
            context.call_conv.return_user_exc(builder, KeyboardInterrupt, ())
        return context.get_dummy_value()

    return types.void(types.boolean), generate
