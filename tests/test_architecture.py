"""The shape of the tree, walked: what each stage may import, and what only one place may do.

Each rule is a function of one module's syntax tree that yields what breaks it; the last tests show that it can.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "matbench"
MODULES = {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text("utf-8")) for path in SOURCE.rglob("*.py")}

VALUES = frozenset(
    {"collector", "errors", "model", "operations", "pairing", "sizes", "spinning", "tuning", "units"}
)  # what all stages exchange
MAY_IMPORT = {  # stage -> parts of matbench that it may know, besides itself and the values
    "kernels": frozenset(),
    "measure": frozenset({"kernels"}),
    "record": frozenset(),
    "analyse": frozenset(),
    "present": frozenset({"analyse"}),
}
READERS = ("record", "analyse", "present")  # what reads results does not need what measures them

CLOCKS = {"time", "timeit", "datetime"}
FILES = {"io", "pathlib", "tempfile", "shutil", "glob", "os", "subprocess", "psutil"}
PARSERS = {"argparse", "optparse", "getopt", "typer", "click"}

OPENS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "fdopen", "fromfile", "tofile", "memmap"}
OPENS |= {"loadtxt", "genfromtxt", "savetxt", "savez", "unlink", "mkdir", "touch", "rename", "rmdir"}
PRINTS = {"print", "input", "sys.stdout", "sys.stderr", "sys.stdin", "breakpoint"}
EXITS = {"exit", "quit", "sys.exit", "os._exit", "os.abort", "SystemExit"}

# What may be done elsewhere after all: (module, what) -> why.
EXCEPTIONS = {
    ("__main__.py", "sys.exit"): "hands the command line's exit code to the system",
    ("measure/worker.py", "sys.argv"): "a process of ours, started with the names of libraries",
    ("measure/worker.py", "os._exit"): "a thread that waits for input can't be ended otherwise",
    ("measure/worker.py", "os.fdopen"): "its messages go through the pipe that was standard output",
    ("measure/worker.py", "sys.stdin"): "its orders come in there",
    ("measure/worker.py", "sys.stdout"): "what a kernel prints must not look like a message",
    ("measure/worker.py", "sys.stderr"): "that is where it goes instead",
    ("measure/pairs_loading.py", "SystemExit"): "caught, not raised: a reader's module that exits is told",
    ("measure/pairs_counters.py", "os.open"): "the kernel's count of waiting time: a clock, read around each sample",
    ("measure/resting.py", "os.open"): "which threads run: Linux tells in files, read before each sample",
    ("measure/pairs_verify.py", "SystemExit"): "caught, not raised: a reader's function that exits is told",
    ("kernels/registry.py", "SystemExit"): "caught, not raised: a plugin that exits is left out",
    ("cli/console.py", "os.open"): "the null device, when whoever read standard output has gone",
}


def stage_of(module: str) -> str:
    """Folder of a module below matbench, or its own name at the top."""
    return module.split("/", maxsplit=1)[0].removesuffix(".py")


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of names and attributes; ``?.c`` where what is before the dot has no name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all modules that are imported, wherever in the module, by statement or by `import_module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide where they lead"
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("import_module"):
            yield from (each.value for each in node.args if isinstance(each, ast.Constant))


def uses(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all that is looked up or called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
            yield dotted(node)


def calls(tree: ast.AST) -> Iterator[str]:
    """Dotted names of all that is called."""
    return (dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


# -- the rules: (module, tree) -> what breaks them --------------------------------------------------------------------


def wrong_stages(module: str, tree: ast.AST) -> set[str]:
    """Parts of matbench that a stage imports and must not know."""
    stage = stage_of(module)
    parts = {name.split(".")[1] for name in imports(tree) if name.startswith("matbench.")}
    if stage in VALUES:
        return parts - VALUES
    if stage in MAY_IMPORT:
        return parts - VALUES - MAY_IMPORT[stage] - {stage}
    return parts & {"cli"} if stage not in {"cli", "__main__"} else set()


def impurities(module: str, tree: ast.AST) -> set[str]:
    """By what a kernel would read a clock, a file or the environment."""
    if stage_of(module) != "kernels":
        return set()
    found = {name.split(".")[0] for name in imports(tree)} & (CLOCKS | FILES)
    found |= {name for name in calls(tree) if name.split(".")[-1] in OPENS}
    return found | {name for name in uses(tree) if name.endswith((".environ", ".getenv"))}


def numba_in_readers(module: str, tree: ast.AST) -> set[str]:
    """Imports of Numba where results are only read."""
    if stage_of(module) not in READERS:
        return set()
    return {name for name in imports(tree) if name.split(".")[0] in {"numba", "llvmlite"}}


def talk(module: str, tree: ast.AST) -> set[str]:
    """Printing, exiting and parsing arguments outside of the command line."""
    if stage_of(module) == "cli":
        return set()
    found = set(uses(tree)) & (PRINTS | EXITS | {"sys.argv"})
    return found | {name for name in imports(tree) if name.split(".")[0] in PARSERS}


def opened_files(module: str, tree: ast.AST) -> set[str]:
    """Opening, writing or removing files outside of record/; its own functions may be called from elsewhere."""
    if stage_of(module) == "record":
        return set()
    ours = {name.split(".")[-1] for name in imports(tree) if name.startswith("matbench.record.")}
    return {name for name in calls(tree) if name.split(".")[-1] in OPENS and name not in ours}


def undocumented(_: str, tree: ast.AST) -> set[str]:
    """Public modules, classes, functions and methods without a docstring."""
    found = set() if ast.get_docstring(tree) else {"the module"}
    for scope in (tree, *(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_")):
        for node in scope.body:
            is_public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if is_public and not ast.get_docstring(node):
                found.add(node.name)
    return found


def long_functions(_: str, tree: ast.AST) -> set[str]:
    """Functions of more than 60 lines."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {f"{node.name} ({length(node)} lines)" for node in functions if length(node) > 60}


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    lines = node.end_lineno - node.lineno + 1
    first = node.body[0]
    return lines - (first.end_lineno - first.lineno + 1 if ast.get_docstring(node) else 0)


def bound(statements: list[ast.stmt]) -> Iterator[str]:
    """Names that a module's statements bind, those below ``if`` and ``try`` included."""
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (each.asname or each.name for each in node.names)
        else:
            names = (name for name in ast.walk(node) if isinstance(name, ast.Name))
            yield from (name.id for name in names if isinstance(name.ctx, ast.Store))
            for block in ("body", "orelse", "handlers"):
                yield from bound(getattr(node, block, []))


def missing_exports(_: str, tree: ast.AST) -> set[str]:
    """Names in ``__all__`` that the module does not have."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and dotted(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value)) - set(bound(tree.body))
    return set()


RULES = (
    wrong_stages,
    impurities,
    numba_in_readers,
    talk,
    opened_files,
    undocumented,
    long_functions,
    missing_exports,
)


@pytest.mark.parametrize("rule", RULES)
def test_no_module_breaks(rule):
    broken = {
        (module, what)
        for module, tree in MODULES.items()
        for what in rule(module, tree)
        if (module, what) not in EXCEPTIONS
    }
    assert not broken


def test_every_exception_is_still_needed():
    used = {(module, what) for rule in RULES for module, tree in MODULES.items() for what in rule(module, tree)}
    assert set(EXCEPTIONS) <= used


def test_every_folder_is_a_stage_or_the_command_line():
    folders = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    assert folders == {*MAY_IMPORT, "cli"}


def test_no_file_is_longer_than_420_lines():
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in SOURCE.rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > 420} == {}


# -- what is really loaded ---------------------------------------------------------------------------------------------


def loaded_by(*modules: str) -> set[str]:
    """All modules in a fresh process that imports these."""
    script = f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    )


def names_in(stage: str) -> list[str]:
    """Dotted names of a stage's modules."""
    paths = (module.removesuffix(".py").removesuffix("/__init__") for module in MODULES if stage_of(module) == stage)
    return [f"matbench.{path.replace('/', '.')}" for path in paths]


def test_reading_results_loads_nothing_that_measures():
    loaded = loaded_by(*(name for stage in READERS for name in names_in(stage)))
    assert not {"numba", "llvmlite", "matbench.kernels", "matbench.measure"} & loaded


def test_kernels_load_nothing_of_the_stages_after_them():
    loaded = loaded_by(*names_in("kernels"))
    assert "numba" in loaded or "numpy" in loaded
    assert not {f"matbench.{stage}" for stage in (*READERS, "measure", "cli", "api")} & loaded


def test_importing_matbench_alone_loads_nothing_heavy():
    assert not {"numpy", "numba", "scipy", "matplotlib", "matbench.kernels"} & loaded_by("matbench")


# -- the rules can fail ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "module", "text", "what"),
    [
        (wrong_stages, "kernels/new.py", "from matbench.measure.clock import Clock", "measure"),
        (wrong_stages, "measure/new.py", "def f():\n    import matbench.record.store", "record"),
        (wrong_stages, "record/new.py", "from matbench import kernels", "kernels"),
        (
            wrong_stages,
            "analyse/new.py",
            "from importlib import import_module\nimport_module('matbench.present')",
            "present",
        ),
        (wrong_stages, "present/figures/new.py", "from matbench.record.store import read_record", "record"),
        (wrong_stages, "model.py", "from matbench.analyse.rows import Row", "analyse"),
        (wrong_stages, "api.py", "from matbench.cli import console", "cli"),
        (impurities, "kernels/new.py", "import time", "time"),
        (impurities, "kernels/new.py", "from os import environ", "os"),
        (impurities, "kernels/new.py", "import numpy as np\nnp.fromfile('x')", "np.fromfile"),
        (impurities, "kernels/new.py", "open('x')", "open"),
        (numba_in_readers, "record/new.py", "def f():\n    import numba.core", "numba.core"),
        (talk, "measure/new.py", "print('done')", "print"),
        (talk, "api.py", "import sys\nsys.exit(1)", "sys.exit"),
        (talk, "present/new.py", "raise SystemExit(2)", "SystemExit"),
        (talk, "record/new.py", "import sys\nsys.stderr.write('x')", "sys.stderr"),
        (talk, "analyse/new.py", "import argparse", "argparse"),
        (opened_files, "present/new.py", "from pathlib import Path\nPath('x').write_text('y')", "?.write_text"),
        (opened_files, "analyse/new.py", "with open('x') as file: file.read()", "open"),
        (opened_files, "cli/new.py", "path.mkdir()", "path.mkdir"),
        (undocumented, "units.py", "'''m'''\ndef f(): pass", "f"),
        (undocumented, "units.py", "'''m'''\nclass A:\n    '''a'''\n    def f(self): pass", "f"),
        (undocumented, "units.py", "x = 1", "the module"),
        (long_functions, "units.py", "def f():\n" + "    x = 1\n" * 60, "f (61 lines)"),
        (missing_exports, "units.py", "__all__ = ['a', 'b']\ndef a(): pass\nc = b", "b"),
    ],
)
def test_a_rule_finds_what_breaks_it(rule, module, text, what):
    assert what in rule(module, ast.parse(text))


@pytest.mark.parametrize(
    ("rule", "module", "text"),
    [
        (wrong_stages, "measure/new.py", "from matbench.kernels import kernel\nfrom matbench.model import Case"),
        (wrong_stages, "present/new.py", "from matbench.analyse.rows import Row"),
        (wrong_stages, "cli/new.py", "from matbench.cli import console\nfrom matbench import kernels"),
        (impurities, "measure/new.py", "import time"),
        (talk, "cli/new.py", "print('done')"),
        (opened_files, "record/new.py", "open('x')"),
        (opened_files, "cli/new.py", "from matbench.record.store import write_text\nwrite_text(path, 'x')"),
        (undocumented, "units.py", "'''m'''\ndef _f(): pass"),
        (long_functions, "units.py", "def f():\n" + "    x = 1\n" * 59),
        (missing_exports, "units.py", "__all__ = ['a']\ntry:\n    from b import a\nexcept ImportError:\n    a = None"),
    ],
)
def test_a_rule_lets_pass_what_is_right(rule, module, text):
    assert not rule(module, ast.parse(text))
