"""Records handed over as one file and taken in from a stranger, and results folders checked as CI checks them."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import msgspec
import pytest
from cli_driver import User, complains, finished
from cli_inside import inside

from matbench.model import Conditions, Environment, Host, Problem
from matbench.pairing import Cell, PairHeader, PairRecord, Settings
from matbench.record.islands import island
from matbench.record.journal import encode_record
from matbench.record.reading import read_record

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "fleet.py"
COMPARED = PairRecord(
    PairHeader(
        id="20200102T000000Z-aa",
        created="2020-01-02T00:00:00Z",
        machine="m",
        host=Host(),
        environment=Environment(),
        conditions=Conditions(),
        command="matbench pair slow fast",
        seed=1,
        settings=Settings(),
        cells=(Cell(Problem(8, 8, 8), 1, "slow", "fast"),),
    )
)


@pytest.fixture(name="user")
def _user(user) -> User:
    return inside(user)


@pytest.fixture(scope="session")
def fleet(someone, tmp_path_factory) -> User:
    """Somebody with results of three synthetic machines; not to be written to."""
    user = someone.at(tmp_path_factory.mktemp("fleet"))
    made = finished(user.python(TOOL, "results", "--machines", "3", "--measurements", "40"))
    assert made.code == 0, made.err
    return inside(user)


@pytest.fixture
def bundle(fleet, user) -> Path:
    """All that the fleet has, as a file in another user's folder."""
    path = user.folder / "all.gz"
    assert fleet.does("export", "--bundle", path).code == 0
    return path


def repacked(path: Path, change) -> None:
    """The bundle with its lines as `change` makes them, packed anew."""
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(change(lines))))


def test_a_bundle_goes_from_one_user_to_another(fleet, user, bundle):
    done = user.does("import", bundle.name)
    assert done.code == 0
    assert [Path(line).name for line in done.out.splitlines()] == [path.name for path in user.records]
    assert [path.read_bytes() for path in user.records] == [path.read_bytes() for path in fleet.records]
    assert "matbench records" in done.err


def test_a_bundle_says_what_is_in_it_and_where_it_lies(fleet, tmp_path):
    done = fleet.does("export", "--bundle", tmp_path / "b.gz")
    assert done.out.strip() == str(tmp_path / "b.gz")
    assert "3 runs and 0 comparisons" in done.err
    assert "matbench import b.gz" in done.err


def test_taken_in_twice_is_said_and_left(user, bundle):
    first = user.does("import", bundle.name)
    before = [path.stat().st_mtime_ns for path in user.records]
    done = user.does("import", bundle.name)
    assert (done.code, done.out) == (0, first.out)
    assert done.err.count("is there already; it stays as it is") == 3
    assert [path.stat().st_mtime_ns for path in user.records] == before


def test_a_record_a_machine_or_several_are_bundled_by_name(fleet, tmp_path):
    stems = [path.stem for path in fleet.records]
    chosen = [stems[0], "synthetic-00002", fleet.records[0]]
    assert "2 runs and" in fleet.does("export", *chosen, "--bundle", tmp_path / "b.gz").err


def test_an_implausible_record_is_not_handed_over(fleet, user):
    shutil.copytree(fleet.folder / "results", user.folder / "results")
    first = user.records[0]
    first.write_bytes(first.read_bytes().replace(b'"outcome":"measured"', b'"outcome":"skipped"'))
    done = user.does("export", "--bundle", "b.gz")
    assert done.code == 0
    assert "2 runs and" in done.err
    assert f"warning: {first.name} is left out: Skipped, yet there are samples" in done.err


def test_a_broken_record_is_left_out_and_the_rest_is_handed_over(fleet, user):
    shutil.copytree(fleet.folder / "results", user.folder / "results")
    first = user.records[0]
    first.write_bytes(b"{broken\n")
    done = user.does("export", "--bundle", "b.gz")
    assert done.code == 0
    assert "2 runs and" in done.err
    assert f"warning: left out: {first.name} is no record" in done.err
    assert user.does("import", "b.gz", "--output", "elsewhere").code == 0


def test_an_implausible_record_keeps_no_other_of_its_id_out(fleet, user):
    shutil.copytree(fleet.folder / "results", user.folder / "results")
    first = user.records[0]
    twin = first.with_name(f"0{first.name}")
    twin.write_bytes(first.read_bytes().replace(b'"outcome":"measured"', b'"outcome":"skipped"'))
    assert "1 run and" in user.does("export", twin, first, "--bundle", "b.gz").err


def test_the_command_for_a_bundle_of_an_odd_name_is_quoted(fleet, tmp_path):
    assert "matbench import 'my; runs.gz'" in fleet.does("export", "--bundle", tmp_path / "my; runs.gz").err


def test_too_fast_to_be_true_is_refused_with_its_line(user, bundle):
    def faster(lines):
        return [
            line.replace(b'"elapsed_ns":[', b'"elapsed_ns":[1,') if b"measurement" in line else line for line in lines
        ]

    def fast(lines):
        found = []
        for line in lines:
            value = json.loads(line)
            if value["type"] == "measurement" and value["samples"]["loops"]:
                value["samples"]["elapsed_ns"] = [max(each // 1000, 1) for each in value["samples"]["elapsed_ns"]]
            found.append(json.dumps(value, separators=(",", ":")).encode() + b"\n")
        return found

    repacked(bundle, fast)
    complains(user.does("import", bundle.name), "begins in line 2 of all.gz is not plausible", "ask its author")
    repacked(bundle, faster)
    complains(user.does("import", bundle.name), "line 9 of all.gz is broken")
    assert user.files == ["all.gz"]


def test_a_later_record_that_is_broken_keeps_all_of_them_out(user, bundle):
    repacked(bundle, lambda lines: [*lines[:-1], b"{]\n"])
    complains(user.does("import", bundle.name), "of all.gz is broken")
    assert user.files == ["all.gz"]


REFUSED = {
    "nothing to bundle": (("export", "--bundle", "b.gz"), "run `matbench run` first"),
    "a bundle in another format": (("export", "--bundle", "b.gz", "--to", "csv"), "leave out --to"),
    "several records in another format": (("export", "one", "two"), "write several with --bundle FILE"),
    "a missing bundle": (("import", "--from", "bundle", "missing.gz"), "missing.gz can't be read"),
    "a bundle with another base": (("import", "--from", "bundle", "x.gz", "--base", "y"), "a record has its base"),
    "an unknown machine": (("export", "nobody", "--bundle", "b.gz"), "run `matbench run` first"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bundle_is_refused(user, arguments, words):
    complains(user.does(*arguments), words)
    assert user.files == []


def test_a_record_is_not_written_over_by_a_bundle(fleet):
    path = fleet.records[0]
    before = path.read_bytes()
    complains(fleet.does("export", "--bundle", path), "is there already and no bundle")
    assert path.read_bytes() == before


# -- validate ----------------------------------------------------------------------------------------------------------


def test_what_lies_in_this_repository_is_valid(someone):
    done = inside(someone.at(ROOT)).does("validate", "results")
    assert done.code == 0, done.out + done.err
    assert "records/" in done.out
    assert "asv/" in done.out
    assert ".jsonl.xz: ok (packed JSON)" in done.out


def test_a_bundle_is_valid_as_a_whole(user, bundle):
    done = user.does("validate", bundle.name)
    assert (done.code, done.out) == (0, "all.gz: ok (bundle of 3)\n")


def spoilt(fleet, user, change) -> User:
    """The fleet's results in the user's folder, with a change."""
    shutil.copytree(fleet.folder / "results", user.folder / "results")
    change(user.folder / "results")
    return user


def _copied(results):
    first = min(results.glob("records/*/*.jsonl"))
    shutil.copy(first, results / "records" / "synthetic-00001" / first.name)


def _renamed(results):
    first = min(results.glob("records/*/*.jsonl"))
    first.rename(first.with_name("mine.jsonl"))


def _linked(results):
    outside = results.parent / "outside.jsonl"
    outside.write_text("{}")
    (results / "records" / "synthetic-00000" / "link.jsonl").symlink_to(outside)


def _linked_folder(results):
    (results / "records" / "link").symlink_to(results.parent, target_is_directory=True)


def _stray(results):
    (results / "records" / "notes.txt").write_text("mine")


def _program(results):
    (results / "trust").mkdir()
    (results / "trust" / "README.md").write_text("what this is")
    (results / "trust" / "setup.exe").write_bytes(b"MZ")


FOUND = {
    "a record twice": (_copied, "It has the id of records/synthetic-00000/"),
    "a record of another machine": (_copied, "It calls itself synthetic-00000/"),
    "a record of another name": (_renamed, "rename it"),
    "a link out of the folder": (_linked, "a link that leads out"),
    "a folder that is a link": (_linked_folder, "a link that leads out"),
    "a file that does not belong": (_stray, "records/notes.txt:\n  It is no file that belongs there"),
    "a file of a kind that results never are": (_program, "trust/setup.exe:\n  It is no file that belongs there"),
}


@pytest.mark.parametrize(("change", "words"), FOUND.values(), ids=FOUND.keys())
def test_a_tree_with_a_finding_is_told(fleet, user, change, words):
    done = spoilt(fleet, user, change).does("validate", "results")
    assert (done.code, done.complaints) == (1, [])
    assert words in done.out
    assert done.out.count(": ok") >= 2


BROKEN = {
    "a record": ("records/synthetic-00000/broken.jsonl", "{", "broken.jsonl is no record of matbench"),
    "comparisons": ("pairs/m/x.jsonl", '{"type":"pairs","schema":1}\n', "`matbench pair` wrote"),
    "results of asv": ("asv/m/x.json", "{", "x.json is no JSON"),
    "a result of asv's newer format": ("asv/m/x.json", '{"version":9,"results":{}}', "upgrade matbench"),
    "JSON of a tool": ("trust/simulated.json", "[NaN]", "simulated.json is no JSON"),
    "a bundle": ("bundles/x.gz", "no gzip", "x.gz is no whole bundle"),
    "lines that a tool packed": ("trust/x.jsonl.xz", "no xz", "x.jsonl.xz holds no whole lines of JSON"),
}


@pytest.mark.parametrize(("name", "text", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_tree_with_a_broken_file_is_told_and_the_rest_is_checked(fleet, user, name, text, words):
    def change(results):
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text(text)

    done = spoilt(fleet, user, change).does("validate", "results")
    assert done.code == 2
    assert len(done.complaints) == 1
    assert words in done.complaints[0]
    assert done.out.count(": ok") == 3


# -- what else is taken in ---------------------------------------------------------------------------------------------


def test_a_page_of_several_records_is_taken_in_wholly_or_not_at_all(fleet, user):
    runs = [read_record(path) for path in fleet.records]
    fast = msgspec.structs.replace(runs[1], measurements=tuple(map(_instant, runs[1].measurements)))
    page = user.folder / "page.html"
    page.write_text("<!doctype html>" + "".join(map(island, (runs[0], fast))), encoding="utf-8")
    complains(user.does("import", page.name), "page.html is not plausible: Faster than the measured peak")
    assert user.files == ["page.html"]
    assert "record 2: Faster than" in user.does("validate", page.name).out
    page.write_text("<!doctype html>" + "".join(map(island, runs)), encoding="utf-8")
    assert user.does("validate", page.name).out == "page.html: ok (page of 3)\n"
    assert user.does("import", page.name).code == 0
    assert [path.read_bytes() for path in user.records] == [path.read_bytes() for path in fleet.records]


def _instant(measurement):
    times = tuple(max(1, each // 1000) for each in measurement.samples.elapsed_ns)
    return msgspec.structs.replace(measurement, samples=msgspec.structs.replace(measurement.samples, elapsed_ns=times))


def test_a_record_of_the_future_is_not_taken_in(fleet, user):
    first = fleet.records[0].read_text(encoding="utf-8")
    (user.folder / "later.jsonl").write_text(first.replace("2020-01-01T", "2999-01-01T"), encoding="utf-8")
    complains(user.does("import", "later.jsonl"), "The record was made in the future")
    done = user.does("validate", "later.jsonl")
    assert (done.code, done.out) == (0, "later.jsonl: ok\n")
    assert "warning: later.jsonl: The record was made in the future, '2999" in done.err
    assert "nobody can import it yet" in done.err


def test_a_record_of_the_future_is_not_handed_over(fleet, user):
    shutil.copytree(fleet.folder / "results", user.folder / "results")
    first = user.records[0]
    first.write_text(first.read_text(encoding="utf-8").replace("2020-01-01T", "2999-01-01T"), encoding="utf-8")
    done = user.does("export", "--bundle", "b.gz")
    assert done.code == 0
    assert f"{first.name} is left out: The record was made in the future" in done.err
    assert user.does("import", "b.gz", "--output", "elsewhere").code == 0


def test_a_bundle_is_not_shown_but_its_remedy_is_told(user, bundle):
    complains(user.does("show", bundle.name), "all.gz is compressed; take it in with `matbench import`")


def test_a_file_of_comparisons_is_taken_in_too(user):
    (user.folder / "pair.jsonl").write_bytes(encode_record(COMPARED))
    done = user.does("import", "pair.jsonl")
    assert done.code == 0, done.err
    assert done.out.strip() == "results/pairs/m/20200102T000000Z-aa.jsonl"
    assert "show 20200102T000000Z-aa --verdicts" in done.err
    assert user.does("validate", "results").out == "pairs/m/20200102T000000Z-aa.jsonl: ok, but not complete\n"
    assert "1 comparison" in user.does("export", "m", "--bundle", "b.gz").err
