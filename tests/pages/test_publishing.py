"""`make html` up to the browser: what is published of which results, and what is said where that can't be."""

import importlib
import json
import shutil
import subprocess
import sys

import pytest
from published import BOTH, ONE, ROOT, TIME

from matbench.errors import RecordError

pytestmark = pytest.mark.xdist_group("pages")  # one repository for all


@pytest.fixture(scope="module")
def pages():
    """The module of `make html`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        patch.delitem(sys.modules, "pages", raising=False)
        yield importlib.import_module("pages")
        del sys.modules["pages"]


@pytest.fixture
def results(repository, tmp_path):
    """A copy of the results, to be spoilt."""
    return shutil.copytree(repository.results, tmp_path / "results")


@pytest.fixture
def copied(pages, repository):
    """Results -> the copy that would be published."""
    return lambda results: pages.Copy(results, set(repository.commits))


def published_cells(copy):
    return copy.files["benchmarks.json"][TIME]["params"]


def one_of(results, machine):
    return next(path for path in sorted((results / machine).glob("*.json")) if path.name != "machine.json")


def changed(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_all_results_are_published_with_all_that_they_were_measured_with(tool, repository, tmp_path):
    folder = shutil.copytree(repository.folder, tmp_path / "repository")
    before = {path: path.read_bytes() for path in (folder / "results").rglob("*.json")}
    code, said = tool("pages.py", "--root", folder, "--publish-only")
    assert code == 0, said
    assert "left out" not in said
    index = json.loads((folder / ".asv" / "html" / "index.json").read_text())
    assert index["params"]["machine"] == [BOTH, ONE]
    assert index["benchmarks"][TIME]["params"] == repository.benchmarks[TIME]["params"]
    assert len(index["revision_to_hash"]) == 2
    assert {path: path.read_bytes() for path in (folder / "results").rglob("*.json")} == before


def test_parameters_of_earlier_runs_are_not_lost(copied, repository, results):
    assert json.loads((results / "benchmarks.json").read_text())[TIME]["params"][-1] == ["1"]
    copy = copied(results)
    assert not copy.left_out
    assert published_cells(copy) == repository.benchmarks[TIME]["params"]


def test_results_of_another_version_of_a_benchmark_add_no_parameters(copied, results):
    for path in (results / BOTH).glob("*-made-up*.json"):
        said = json.loads(path.read_text())
        said["results"][TIME][said["result_columns"].index("version")] = "0"
        changed(path, results=said["results"])
    assert published_cells(copied(results))[-1] == ["1"]


def test_results_that_lack_a_selector_of_others_are_given_it(copied, results):
    path = one_of(results, BOTH)
    changed(path, params=json.loads(path.read_text())["params"] | {"runner": "matbench run", "BLAS": "openblas"})
    copy = copied(results)
    told = {name: said["params"] for name, said in copy.files.items() if "commit_hash" in said}
    first = told.pop(f"{BOTH}/{path.name}")
    assert (first["runner"], first["BLAS"]) == ("matbench run", "openblas")
    assert {(each["runner"], each["BLAS"]) for each in told.values()} == {("asv run", "not told")}


def test_sizes_are_sorted_as_numbers_and_names_stay_in_order(pages):
    assert pages.ordered(["64", "512", "64", "8"]) == ["8", "64", "512"]
    assert pages.ordered(["'b'", "'a'", "'b'"]) == ["'b'", "'a'"]


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-40])


def deep(path):
    path.write_text("[" * 10**6)


SPOILT = {
    "cut off": (cut_off, "not as asv 0.6 writes it"),
    "nested without end": (deep, "not as asv 0.6 writes it"),
    "of a newer asv": (lambda path: changed(path, version=3), "not as asv 0.6 writes it"),
    "of an older asv": (lambda path: changed(path, version=1), "not as asv 0.6 writes it"),
    "without results": (lambda path: changed(path, results=None), "not as asv 0.6 writes it"),
    "of another machine": (lambda path: changed(path, params={"machine": "other"}), "another machine"),
    "of a foreign commit": (lambda path: changed(path, commit_hash="f" * 40), "ffffffff, which the branch"),
    "with markup": (lambda path: changed(path, params={"machine": BOTH, "<script>": "1"}), "odd names"),
    "no text": (lambda path: path.write_bytes(b"\xff\xfe\x00"), "not UTF-8"),
}


@pytest.mark.parametrize(("spoil", "reason"), SPOILT.values(), ids=SPOILT)
def test_a_file_that_is_no_good_is_left_out_with_its_reason(copied, results, spoil, reason):
    path = one_of(results, BOTH)
    spoil(path)
    copy = copied(results)
    (said,) = copy.left_out
    assert reason in said
    assert path.name in said
    assert "\n" not in said
    assert len(copy.taken) == 2


def test_a_machine_whose_card_is_no_good_is_left_out(copied, results):
    changed(results / ONE / "machine.json", machine="../elsewhere")
    copy = copied(results)
    assert "rename it" in copy.left_out[0]
    assert {each.params["machine"] for each in copy.taken} == {BOTH}


def test_a_folder_without_a_card_is_left_out(copied, results):
    (results / ONE / "machine.json").unlink()
    (said,) = copied(results).left_out
    assert ONE in said
    assert "no such file" in said


def test_what_a_stranger_wrote_reaches_the_pages_as_text(copied, results):
    changed(results / BOTH / "machine.json", cpu="<img src=x onerror=alert(1)>")
    assert copied(results).files[f"{BOTH}/machine.json"]["cpu"] == "&lt;img src=x onerror=alert(1)&gt;"


def test_benchmarks_with_odd_names_are_left_out(copied, results):
    known = json.loads((results / "benchmarks.json").read_text())
    odd = "<b>.time_it"
    changed(results / "benchmarks.json", **{odd: known[TIME] | {"name": odd}})
    copy = copied(results)
    assert odd not in copy.files["benchmarks.json"]
    assert len(copy.left_out) == 1


def test_more_cells_than_a_browser_can_hold_are_refused(copied, results, monkeypatch, pages):
    monkeypatch.setattr(pages, "CELLS", 100)
    with pytest.raises(RecordError, match="take results apart"):
        copied(results)


def test_without_the_list_of_benchmarks_the_file_is_named(copied, results):
    (results / "benchmarks.json").unlink()
    with pytest.raises(RecordError, match=r"benchmarks\.json can't be read"):
        copied(results)


# -- nothing to publish -----------------------------------------------------------------------------------------------


def refused(tool, folder):
    code, said = tool("pages.py", "--root", folder, "--publish-only", GIT_CEILING_DIRECTORIES=str(folder.parent))
    assert code == 2, said
    assert said.count("\n") == 1, said
    return said


def test_without_results_the_remedy_is_to_measure_some(tool, repository, tmp_path):
    folder = shutil.copytree(repository.folder, tmp_path / "repository")
    shutil.rmtree(folder / "results")
    assert "make asv" in refused(tool, folder)


def test_results_none_of_which_can_be_shown_are_told_apart_from_none(tool, repository, tmp_path):
    folder = shutil.copytree(repository.folder, tmp_path / "repository")
    shutil.rmtree(folder / "results" / "asv" / BOTH)
    changed(one_of(folder / "results" / "asv", ONE), commit_hash="f" * 40)
    assert "fetch the whole history" in refused(tool, folder)


def test_outside_a_repository_the_remedy_is_a_clone(tool, repository, tmp_path):
    folder = shutil.copytree(repository.folder, tmp_path / "unpacked", ignore=shutil.ignore_patterns(".git"))
    assert "clone" in refused(tool, folder)


def test_before_the_first_commit_the_remedy_is_to_commit(tool, repository, tmp_path):
    folder = shutil.copytree(repository.folder, tmp_path / "new", ignore=shutil.ignore_patterns(".git"))
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    assert "no commit yet" in refused(tool, folder)


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("git@forge.example:ada/matbench.git", "https://forge.example/ada/matbench/commit/"),
        ("ssh://git@forge.example:2222/ada/matbench.git", "https://forge.example/ada/matbench/commit/"),
        ("https://ada:secret@forge.example/ada/matbench/", "https://forge.example/ada/matbench/commit/"),
        ("/srv/git/matbench", None),
        ("../matbench", None),
        ("", None),
    ],
)
def test_the_page_of_a_commit_follows_from_the_remote_and_tells_no_secret(pages, remote, page):
    assert pages.commit_page(remote) == page
