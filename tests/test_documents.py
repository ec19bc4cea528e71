"""README, ARCHITECTURE and CONTRIBUTING say what is there, and what they show works."""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from dataclasses import fields
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.main import get_command

import matbench
from matbench import api
from matbench.analyse.ladder import tabulate
from matbench.analyse.rows import Row
from matbench.cli.app import app
from matbench.kernels import Kernel, Registry, default_registry
from matbench.kernels.installed import GROUP
from matbench.measure.plan import PRESETS
from matbench.model import Case, Conditions, Environment, Header, Host, Measurement, Plan, Problem, Record, Samples
from matbench.record.store import record_path
from matbench.sizes import parse_sizes

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "matbench"
NAMES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}
README, ARCHITECTURE, CONTRIBUTING = TEXTS.values()
COMMANDS = get_command(app).commands
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def fenced(text, language) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def spans(text) -> list[str]:
    """What stands between single backticks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def shown(text) -> list[str]:
    """All code that a reader could type: spans, and the lines of shell blocks without their comments."""
    lines = [line.split("  #")[0] for block in fenced(text, "sh") for line in block.splitlines()]
    return [*spans(text), *lines]


def options(command) -> set[str]:
    return {name for parameter in COMMANDS[command].params for name in parameter.opts if name.startswith("-")}


def command_rows() -> list[tuple[list[str], str]]:
    """README's table of commands: those a row names, and what it says of them."""
    rows = re.findall(r"^\| (`matbench .*?) \| (.*) \|$", README, re.MULTILINE)
    return [(re.findall(r"matbench ([a-z]+)", names), words) for names, words in rows]


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_a_document_links_to_exists(name):
    text = TEXTS[name]
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"\bsrc(?:set)?=\"([^\"]+)\"", text)
    for target in targets:
        if "://" not in target:
            assert (ROOT / target.partition("#")[0]).exists(), f"{name} links to {target}"


def test_the_read_me_links_to_the_other_documents():
    assert all(f"]({name})" in README for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"))


@pytest.mark.parametrize("name", NAMES)
def test_every_path_that_a_document_names_exists(name):
    made_by_runs = ("results/", ".venv/")
    for span in spans(TEXTS[name]):
        is_path = re.fullmatch(r"[\w.]+(/[\w.]+)*/?", span) and ("/" in span or re.search(r"\.(md|py|txt|toml)$", span))
        if is_path and not span.startswith(made_by_runs) and not span.startswith("my_kernels"):
            assert (ROOT / span).exists() or (PACKAGE / span).exists() or (PACKAGE / "record" / span).exists(), span


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_option_that_a_document_shows_exists(name):
    for code in shown(TEXTS[name]):
        for command, rest in re.findall(r"(?<![\w-])matbench ([a-z]+)((?: [^|]*)?)", code):
            assert command in COMMANDS, code
            assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= options(command), code
        arguments = re.search(r"make bench ARGS=\"(.*?)\"", code)
        if arguments:
            assert set(re.findall(r"--[a-z-]+", arguments[1])) <= options("run"), code


def test_every_command_is_named_in_the_read_me():
    assert {command for commands, _ in command_rows() for command in commands} == set(COMMANDS)


def test_every_option_in_the_read_mes_table_exists():
    told = 0
    for commands, words in command_rows():
        for option in re.findall(r"(?<![\w-])--[a-z-]+", words):
            assert any(option in options(command) for command in commands), f"{commands}: {option}"
            told += 1
    assert told >= 10


def test_every_option_of_run_that_narrows_or_widens_it_is_told_of():
    (words,) = [words for commands, words in command_rows() if commands == ["run"]]
    missing = {option for option in options("run") if option.startswith("--")} - set(re.findall(r"--[a-z-]+", words))
    # Elsewhere in the document, or for those who read --help.
    assert missing <= {"--base", "--seed", "--machine", "--output", "--results", "--help"}


def test_the_choices_that_the_read_me_names_are_those_there_are():
    assert f"`--preset {'/'.join(PRESETS)}`" in README
    assert set(re.search(r"`--to ([a-z/]+)`", README)[1].split("/")) == {
        "csv",
        "samples",
        "json",
        "md",
        "record",
        "asv",
    }
    (told,) = re.findall(r"Sizes are written (.*?)\.\n", README, re.DOTALL)
    assert all(parse_sizes(size) for size in spans(told))
    assert len(spans(told)) == 4


def test_the_presets_take_no_longer_than_the_read_me_says():
    text = " ".join(README.split())
    promised = {
        "standard": int(re.search(r"measures the ladder: (\d+) seconds", text)[1]),
        "quick": int(re.search(r"--preset quick\"` takes (\d+) seconds", text)[1]),
        "full": 60 * int(re.search(r"--preset full\"` takes up to (\d+) minutes", text)[1]),
    }
    for name, seconds in promised.items():
        assert 0.8 * seconds < PRESETS[name].budget_s <= seconds


def test_the_read_me_names_the_distribution_and_the_oldest_python_as_they_are():
    assert f"**{PROJECT['name']}**" in README
    assert f"Python {PROJECT['requires-python'].removeprefix('>=')} or newer" in README
    assert set(PROJECT["scripts"]) == {"matbench"}


def test_the_make_targets_that_documents_name_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {found for text in TEXTS.values() for code in shown(text) for found in re.findall(r"^make ([a-z]+)", code)}
    assert {"bench", "test"} <= named <= targets


@pytest.mark.xdist_group("measure")
def test_the_code_of_the_read_me_runs(monkeypatch, capsys):
    (code,) = fenced(README, "python")
    case = Case("numba_ijk", Problem(128, 128, 128))
    plan = Plan("quick", "matbench run", 1, 60.0, 7, 10**6, "python_lists", ())
    header = Header(
        id="i",
        created="2026-11-22T10:00:00Z",
        machine="m",
        host=Host(),
        environment=Environment(),
        conditions=Conditions(),
        plan=plan,
    )
    record = Record(header, measurements=(Measurement(case, samples=Samples((1,), (10**6,), (0,), (0,))),))

    def quick(*args, **kwargs):
        asked = inspect.signature(api.quick).bind(*args, **kwargs).arguments
        assert default_registry().select(asked["kernels"])
        assert parse_sizes(str(asked["n"]))
        return tabulate(record)

    def load(path):
        assert path == record_path(Path("results"), header).as_posix().replace("/m/i", "/<machine>/<id>")
        return record

    monkeypatch.setattr(matbench, "quick", quick)
    monkeypatch.setattr(matbench, "load", load)
    names = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102  that it runs is what is tested
    assert names["record"] is record
    assert capsys.readouterr().out.startswith("numba_ijk 1 Interval(estimate=0.001")
    assert np.array_equal(names["multiply"](np.eye(3), np.ones((3, 3))), np.ones((3, 3)))


def test_the_kernel_of_the_contributors_guide_is_under_ten_lines_and_works_as_a_plugin(monkeypatch, tmp_path):
    (code,), (declaration,) = fenced(CONTRIBUTING, "python"), fenced(CONTRIBUTING, "toml")
    assert len([line for line in code.splitlines() if line.strip()]) <= 9
    ((group, named),) = tomllib.loads(declaration)["project"]["entry-points"].items()
    ((name, value),) = named.items()
    assert group == GROUP
    folder = tmp_path / value
    folder.mkdir()
    (folder / "__init__.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry(default_registry())
    try:
        registry.load(EntryPoint(name, value, group))
    finally:
        sys.modules.pop(value, None)
    (added,) = [each for each in registry if each.name not in default_registry().names]
    rng = np.random.default_rng(1)
    a, b = rng.integers(-8, 9, (4, 5)).astype(float), rng.integers(-8, 9, (5, 3)).astype(float)
    assert np.array_equal(added(a, b), a @ b)
    assert f"--kernels {added.name}," in CONTRIBUTING


def test_the_attributes_that_the_contributors_guide_names_are_a_kernels():
    declared = {field.name for field in fields(Kernel)}
    (told,) = re.findall(
        r"`gflops` is an order.*?are described in `matbench\.kernels\.Kernel`", CONTRIBUTING, re.DOTALL
    )
    assert set(spans(told)) - {"matbench.kernels.Kernel"} <= declared


def folder_rows() -> dict[str, str]:
    """ARCHITECTURE's table: first column -> second."""
    return dict(re.findall(r"^\| (`.*?`) \| (.*) \|$", ARCHITECTURE, re.MULTILINE))


def is_module(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()


def test_the_architecture_names_every_folder_and_module_that_the_package_is_made_of():
    named = {name.rstrip("/") for first in folder_rows() for name in spans(first)}
    entries = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    entries |= {path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")}
    assert named == entries


def test_the_architecture_names_the_folders_within_folders():
    rows = {spans(first)[0].rstrip("/"): words for first, words in folder_rows().items()}
    for path in PACKAGE.glob("*/*/__init__.py"):
        assert re.search(rf"\b{path.parent.name}\b", rows[path.parent.parent.name]), path.parent


def test_the_architecture_names_no_module_that_does_not_exist():
    checked = 0
    for first, words in folder_rows().items():
        for name in spans(words) if spans(first)[0].endswith("/") else ():
            if re.fullmatch(r"[a-z_]+/?", name):
                assert is_module(PACKAGE / spans(first)[0], name.rstrip("/")), f"{first}: {name}"
                checked += 1
    assert checked >= 20
    for span in spans(ARCHITECTURE):
        for dotted in re.findall(r"\b(?:matbench\.)?([a-z]+\.[a-z_]+)\b", span):
            folder, _, name = dotted.partition(".")
            if (PACKAGE / folder).is_dir():
                assert is_module(PACKAGE / folder, name), dotted


def test_the_names_that_the_architecture_drops_occur_in_the_source():
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    modules = {path.stem for path in PACKAGE.rglob("*.py")}
    for span in spans(ARCHITECTURE):
        if re.fullmatch(r"@?\w+", span):
            assert span in modules or re.search(rf"\b{span.lstrip('@')}\b", source), span


# Written in parts: this file is searched, too. /home/ada is the user of our examples.
REGISTRIES = re.compile(
    r"\b(pypi|pythonhosted|anaconda|npmjs|crates|rubygems)\.(org|com|io)\b|index-" + "url|--find-" + "links"
)
FOLDERS = re.compile(r"(?<![\w.<}])/(home|Users|work|root)/(?!ada\b)\w|[A-Za-z]:\\\\?Users\\\\?(?!ada\b)\w")
FILES = {".cfg", ".ini", ".json", ".jsonl", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml", ""}


def written_files() -> list[Path]:
    """What people wrote, and the records that they hand over."""
    folders = ("src", "tests", "tools", "benchmarks", "lessons", ".ci", ".github", "results/records")
    found = [path for name in folders for path in (ROOT / name).rglob("*")] + list(ROOT.glob("*"))
    passed_over = {"__pycache__", ".git"}  # .git is a file in a work tree
    return [path for path in found if path.is_file() and path.suffix in FILES and not passed_over & set(path.parts)]


def test_no_file_names_a_package_registry_or_a_folder_of_one_machine():
    files = written_files()
    assert len(files) > 50
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        for pattern in (REGISTRIES, FOLDERS):
            found = pattern.search(text)
            assert found is None, f"{path.relative_to(ROOT)}: {found[0]}"


def test_the_search_for_registries_and_folders_finds_them():
    assert REGISTRIES.search("https://" + "py" + "pi.org" + "/simple")
    assert REGISTRIES.search("pip install --index" + "-url x")
    assert not REGISTRIES.search("the public index")
    for path in ("/" + "home/me/x", "'/" + "work/main'", "C:" + "\\Users\\me"):
        assert FOLDERS.search(path)
    for harmless in ("/home/ada/lib", "C:\\Users\\ada", "src/works/x", "see ../home/", "/proc/cpuinfo"):
        assert not FOLDERS.search(harmless)


def test_values_shown_in_the_read_me_have_the_fields_it_uses():
    (code,) = fenced(README, "python")
    used = set(re.findall(r"\brow\.(\w+)", code))
    assert used
    assert used <= {field.name for field in msgspec.structs.fields(Row)}
