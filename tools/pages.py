"""Publish results/asv as asv's pages and show them; what `make html` calls.

asv publishes the parameters of the last run only: after a run of a smaller profile, or on one processor, the rest of
what was measured would be gone from the pages. It stops at the first broken file, and writes what a stranger's machine
file says into the pages as HTML. So it is given a copy of the results, made whole and harmless, under .asv/.
"""

from __future__ import annotations

import argparse
import html
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
from repository import ROOT

from matbench.errors import MatbenchError, RecordError, UsageError
from matbench.record.asv_format import BENCHMARKS, JSON_LIMIT, MACHINE, MACHINE_VERSION, RESULTS_VERSION, RUNNER
from matbench.record.asv_project import Project, asv_module, read_project
from matbench.record.files import printable, read_text, write_text
from matbench.record.names import is_safe_name

CELLS = 10**6  # that one benchmark may have on the pages: a browser loads them all
HARMLESS = re.compile(r"[\w.+ -]{1,100}")  # as a heading, where asv's pages take markup

Decoded = TypeVar("Decoded")


class Benchmark(msgspec.Struct):
    """What is needed of a benchmark in benchmarks.json; the values of parameters are Python's representations."""

    name: str
    version: str
    code: str = ""
    param_names: list[str] = []
    params: list[list[str]] = []


class Machine(msgspec.Struct):
    """What is needed of a machine.json."""

    machine: str
    version: Annotated[int, msgspec.Meta(ge=MACHINE_VERSION, le=MACHINE_VERSION)]


class Results(msgspec.Struct):
    """What is needed of a file of results: a list for each benchmark, whose places `result_columns` names."""

    commit_hash: str
    params: dict[str, str | None]
    result_columns: list[str]
    results: dict[str, list[Any]]
    version: Annotated[int, msgspec.Meta(ge=RESULTS_VERSION, le=RESULTS_VERSION)]


def decoded(path: Path, form: type[Decoded]) -> tuple[dict[str, Any], Decoded]:
    """What a file of asv's says, as it stands there and as what is needed of it.

    Raises
    ------
    RecordError
        If it can't be read, or is not what it should be.
    """
    try:
        found = json.loads(read_text(path, JSON_LIMIT))  # asv writes NaN, which no stricter decoder takes
        return found, msgspec.convert(found, form)
    except (ValueError, RecursionError) as error:
        cause = printable(str(error).partition("\n")[0])
        raise RecordError(f"{printable(path)} is not as asv 0.6 writes it: {cause}; measure it anew") from None


def ordered(values: Iterable[str]) -> list[str]:
    """Each value once: numbers ascending, anything else as it came.

    Examples
    --------
    >>> ordered(["64", "512", "64", "8"]), ordered(["'b'", "'a'", "'b'"])
    (['8', '64', '512'], ["'b'", "'a'"])
    """
    once = list(dict.fromkeys(values))
    return sorted(once, key=int) if all(value.isdecimal() for value in once) else once


def widened(benchmark: Benchmark, every: Iterable[Results]) -> list[list[str]]:
    """The parameters of a benchmark with every value that it was measured with.

    Raises
    ------
    RecordError
        If these are more than a browser can load.
    """
    axes = [list(values) for values in benchmark.params]
    for each in every:
        row = dict(zip(each.result_columns, each.results.get(benchmark.name, ()), strict=False))
        params = row.get("params")
        if row.get("version") == benchmark.version and isinstance(params, list) and len(params) == len(axes):
            for axis, values in zip(axes, params, strict=True):
                axis.extend(value for value in values if isinstance(value, str))
    wide = [ordered(axis) for axis in axes]
    cells = math.prod(map(len, wide))
    if cells > CELLS:
        raise RecordError(f"{benchmark.name} would have {cells} cells; take results apart, some are not of one suite")
    return wide


def escaped(values: dict[str, Any]) -> dict[str, Any]:
    """Texts as HTML shows them: asv's tips take them for markup."""
    return {key: html.escape(value) if isinstance(value, str) else value for key, value in values.items()}


class Copy:
    """A copy of results that asv can publish as a whole.

    Parameters
    ----------
    results
        asv's folder of results.
    commits
        Those that the pages can show.
    """

    def __init__(self, results: Path, commits: set[str]) -> None:
        self.results = results
        self.commits = commits
        self.files: dict[str, dict[str, Any]] = {}  # path within the folder -> what it says
        self.left_out: list[str] = []
        self.taken: list[Results] = []
        for folder in sorted({path.parent for path in results.glob("*/*.json")}):
            try:
                self._take_machine(folder)
            except RecordError as reason:
                self.left_out.append(str(reason))
        if self.taken:
            self._complete_parameters()
            self._take_benchmarks()

    def _take_machine(self, folder: Path) -> None:
        said, machine = decoded(folder / MACHINE, Machine)
        if machine.machine != folder.name or not is_safe_name(folder.name):
            raise RecordError(f"{printable(folder)} is not the folder of the machine that it names; rename it")
        for path in sorted(folder.glob("*.json")):
            if path.name != MACHINE:
                try:
                    self._take_results(path)
                except RecordError as reason:
                    self.left_out.append(str(reason))
        self.files[f"{folder.name}/{MACHINE}"] = escaped(said)

    def _take_results(self, path: Path) -> None:
        said, found = decoded(path, Results)
        if found.params.get("machine") != path.parent.name:
            raise RecordError(f"{printable(path)} is of another machine than its folder; move it")
        if found.commit_hash not in self.commits:
            commit = printable(found.commit_hash[:8])
            raise RecordError(
                f"{printable(path)} is of commit {commit}, which the branch checked out does not contain; "
                "fetch the whole history or check out its branch"
            )
        if not all(map(HARMLESS.fullmatch, found.params)):
            raise RecordError(f"{printable(path)} has parameters with odd names; measure it anew")
        self.files[f"{path.parent.name}/{path.name}"] = said
        self.taken.append(found)

    def _complete_parameters(self) -> None:
        """Results of `asv run` lack selectors that those of `matbench run` have; viewers stumble over that."""
        lacking = {name: "not told" for each in self.taken for name in each.params} | {RUNNER: "asv run"}
        for said in self.files.values():
            if "commit_hash" in said:
                said["params"] = lacking | said["params"]

    def _take_benchmarks(self) -> None:
        said, known = decoded(self.results / BENCHMARKS, dict[str, Benchmark | int])
        made: dict[str, Any] = {"version": said.get("version")}
        for name, benchmark in known.items():
            if not isinstance(benchmark, Benchmark):
                continue  # the version of the file
            if name != benchmark.name or not all(map(HARMLESS.fullmatch, (name, *benchmark.param_names))):
                self.left_out.append(f"{printable(name)} has an odd name; run the suite anew")
            else:
                made[name] = escaped(said[name]) | {"params": widened(benchmark, self.taken)}
        self.files[BENCHMARKS] = made

    def write(self, folder: Path) -> None:
        """Write it into a folder, which is emptied first."""
        shutil.rmtree(folder, ignore_errors=True)
        for name, said in self.files.items():
            write_text(folder / name, json.dumps(said))


def git(root: Path, *arguments: str) -> str:
    """What git says; nothing where it refuses."""
    done = subprocess.run(["git", "-C", str(root), *arguments], check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit_page(remote: str) -> str | None:
    """Where the page of a commit lies, to be followed by its hash, as the usual forges have it.

    Examples
    --------
    >>> commit_page("git@forge.example:ada/matbench.git")
    'https://forge.example/ada/matbench/commit/'
    >>> commit_page("https://ada:secret@forge.example/ada/matbench")
    'https://forge.example/ada/matbench/commit/'
    >>> commit_page("/srv/git/matbench") is None
    True
    """
    form = r"(?:(?:https?|ssh)://)?(?:[^@/]+@)?([\w-]+(?:\.[\w-]+)+)(?::\d+/|[:/])([\w./-]+?)(?:\.git)?/?"
    found = re.fullmatch(form, remote)
    return f"https://{found[1]}/{found[2]}/commit/" if found else None


def settings_for(project: Project, results: Path, pages: Path) -> dict[str, Any]:
    """The project's settings with other folders, and with links to its commits where its remote tells them."""
    root = project.settings.parent
    made: dict[str, Any] = asv_module("util").load_json(str(project.settings), js_comments=True)
    made |= {"version": 1, "repo": str(root), "results_dir": str(results), "html_dir": str(pages)}
    if page := commit_page(git(root, "remote", "get-url", "origin")):
        made.setdefault("show_commit_url", page)
        made.setdefault("project_url", page.removesuffix("/commit/"))
    return made


def publish(root: Path, pages: Path) -> list[str]:
    """Publish a project's results; what was left out comes back, a sentence each.

    Parameters
    ----------
    root
        The repository, with its asv.conf.json.
    pages
        Folder of the pages, made anew.

    Raises
    ------
    UsageError, RecordError
        If there is nothing to publish, or asv fails.
    """
    project = read_project(root / "asv.conf.json")
    copy = Copy(project.results, set(git(root, "rev-list", "HEAD").split()))
    if not copy.taken:
        nothing = (
            f"there are no results in {printable(project.results)} yet; measure some: MATBENCH_PROFILE=small make asv"
        )
        raise UsageError("; ".join(copy.left_out) or nothing)
    work = root / ".asv" / "publish"
    copy.write(work / "results")
    write_text(work / "asv.conf.json", json.dumps(settings_for(project, work / "results", pages)))
    asv = [sys.executable, "-m", "asv", "publish", "--no-pull", "--config", str(work / "asv.conf.json")]
    if subprocess.run(asv, check=False, stdout=sys.stderr).returncode:
        raise RecordError("asv could not publish the results, for the reason above; mend it and repeat the command")
    return copy.left_out


def preview(root: Path, pages: Path, arguments: Sequence[str]) -> NoReturn:
    """Become `asv preview`, so that Ctrl-C is its own affair."""
    settings = ["--config", str(root / "asv.conf.json"), "--html-dir", str(pages)]
    os.execv(sys.executable, [sys.executable, "-m", "asv", "preview", *settings, *arguments])


def main() -> int:
    """Publish, then show what was published unless told otherwise."""
    parser = argparse.ArgumentParser(description="publish results/asv as asv's pages and show them")
    parser.add_argument("--publish-only", action="store_true", help="do not start the preview")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    asked, further = parser.parse_known_args()  # --port and --browser are asv preview's
    root = asked.root.resolve()
    pages = root / ".asv" / "html"
    try:
        left_out = publish(root, pages)
    except MatbenchError as reason:
        print(reason, file=sys.stderr)
        return reason.exit_code
    for sentence in left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    print("the pages are in .asv/html", file=sys.stderr)
    if not asked.publish_only:
        preview(root, pages, further)
    return 0


if __name__ == "__main__":
    sys.exit(main())
