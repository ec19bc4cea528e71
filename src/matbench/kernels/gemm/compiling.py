"""How Numba compiles what is made here: what is not used is not made.

By itself Numba translates each function into machine code of its own, and again within each that calls it. Here a
function that only compiled code calls is a `Part`: it is optimised, and translated only within a `Whole`, a function
that is called from outside. What is `Emitted` joins a `Whole` when that has been optimised: it is meant as it stands.

These are the classes that Numba has for such changes, and a few steps of theirs that it doesn't document.
"""

from __future__ import annotations

import gc
import itertools
import secrets
from importlib import import_module
from typing import Any

from llvmlite import binding

from matbench.errors import KernelError

__all__ = ["Emitted", "Part", "PartCompiler", "Whole", "WholeCompiler"]

_NUMBERS = itertools.count(secrets.randbits(48))  # one process loads what others have compiled
_codegen: Any = import_module("numba.core.codegen")
_compiler: Any = import_module("numba.core.compiler")
_STEPS = ("_optimize_final_module", "_finalize_final_module", "_get_module_for_linking", "add_linking_library")
if not all(hasattr(getattr(_codegen, "JITCodeLibrary", None), step) for step in _STEPS):
    raise KernelError("this version of Numba compiles in other steps than numba_gemm knows; install numba 0.68")


class Part(_codegen.JITCodeLibrary):
    """What only compiled code calls."""

    def _finalize_final_module(self) -> None:
        """It can be linked, and that is all there is to it: it is not translated."""
        for function in self._final_module.functions:
            if function.linkage == binding.Linkage.external and not function.is_declaration:
                function.linkage = "linkonce_odr"  # several may have been linked with it
        self._shared_module = self._final_module
        self._finalized = True

    def get_pointer_to_function(self, _name: str) -> int:
        """There is no machine code to point to."""
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> Part:
        """Whom Numba tells the environment of a function."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Nothing: what Python objects a function needs is its environment, and these need none."""


class Emitted(Part):
    """A module of LLVM instructions that are meant as they stand."""

    @classmethod
    def of(cls, codegen: Any, module: Any) -> Emitted:
        """The library of a module of `llvmlite.ir`."""
        library = cls(codegen, module.name)
        library._final_module = binding.parse_assembly(str(module))
        library._final_module.verify()
        library._finalize_final_module()
        return library

    @property
    def module(self) -> Any:
        """What LLVM read."""
        return self._final_module


class Whole(_codegen.JITCodeLibrary):
    """What is called from outside, with all that it calls."""

    def __init__(self, codegen: Any, name: str) -> None:
        super().__init__(codegen, name)
        self._emitted: list[Emitted] = []

    def add_linking_library(self, library: Any) -> None:
        """Remember what is to be linked."""
        if isinstance(library, Emitted):
            self._emitted.append(library)
        else:
            super().add_linking_library(library)

    def _optimize_functions(self, module: Any) -> None:
        """Later, with all that they call."""

    def _optimize_final_module(self) -> None:
        """Optimise what Numba made of Python, and add what was emitted as it is.

        What only this module calls is its own: LLVM may make it a part of its caller, or have it take other arguments.
        It needs a name of its own, too. The linker finds functions of other modules by their names even if these are
        internal, and would take them for those that another function was linked with.
        """
        number = next(_NUMBERS)
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == binding.Linkage.linkonce_odr:
                function.linkage = "internal"
                function.name = f"{function.name}.{number:x}"
        super()._optimize_final_module()
        for library in self._emitted:
            self._final_module.link_in(library.module, preserve=True)
        own = {each.name for library in self._emitted for each in library.module.global_variables}
        for each in self._final_module.global_variables:
            if each.name in own and not each.is_declaration:
                each.linkage = "internal"  # else the linker takes one table for this and for its clone


class _Compiler(_compiler.Compiler):
    """Numba's passes, into a library of this module."""

    library: type[Part | Whole]

    def compile_extra(self, function: Any) -> Any:
        """Compile, and look for garbage later: Numba makes many objects and keeps most."""
        collects = gc.isenabled()
        try:
            gc.disable()
            return super().compile_extra(function)
        finally:
            if collects:
                gc.enable()

    def define_pipelines(self) -> Any:
        """Numba's own, and where they put what they make."""
        state = self.state
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super().define_pipelines()


class PartCompiler(_Compiler):
    """For Numba's ``pipeline_class``: the function is a `Part`."""

    library = Part


class WholeCompiler(_Compiler):
    """For Numba's ``pipeline_class``: the function is a `Whole`."""

    library = Whole
