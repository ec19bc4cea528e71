"""How Numba compiles what is made here: what is not used is not made.

By itself Numba translates each function into machine code of its own, and again within each that calls it. Here a
function that only compiled code calls is a `Part`: it is optimised, and translated only within a `Whole`, a function
that is called from outside. What is `Emitted` joins a `Whole` when that has been optimised: it is meant as it stands.

These are the classes that Numba has for such changes, and a few steps of theirs that it doesn't document. A version of
Numba that has no such steps takes longer to compile.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Any

from llvmlite import binding

__all__ = ["Emitted", "Part", "PartCompiler", "Whole", "WholeCompiler"]

_codegen: Any = import_module("numba.core.codegen")
_compiler: Any = import_module("numba.core.compiler")


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
        """Optimise what Numba made of Python, and add what was emitted as it is."""
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == binding.Linkage.linkonce_odr:
                function.linkage = "internal"  # LLVM makes what is called once a part of what calls it
        super()._optimize_final_module()
        for library in self._emitted:
            self._final_module.link_in(library.module, preserve=True)


class _Compiler(_compiler.Compiler):
    """Numba's passes, into a library of this module."""

    library: type[Part | Whole]

    def compile_extra(self, function: Any) -> Any:
        """Compile, and look for garbage later: Numba makes many objects and keeps most."""
        collects = gc.isenabled()
        gc.disable()
        try:
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
