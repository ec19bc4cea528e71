"""README's generated parts: current, and any change of text or records is noticed."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from credit_examples import HOST_ID, record_at
from readme_tool import readme

from matbench.analyse.attribution import attribute
from matbench.kernels import Registry, default_registry
from matbench.model import (
    Case,
    Ceiling,
    Conditions,
    End,
    Environment,
    Header,
    Host,
    KernelCard,
    Measurement,
    Plan,
    Problem,
    Record,
    Samples,
)
from matbench.present.attribution import HOW
from matbench.record.asv_reading import read_asv
from matbench.record.journal import encode_record

ROOT = Path(__file__).parents[1]
SUITE = next((ROOT / "tests" / "record" / "asv" / "own").glob("*/*-existing-*.json"))  # made by asv run
MS = 10**6  # ns
TIMES_MS = {"python_lists": 60_000, "numba_ijk": 2_000, "numpy_matmul": 40}  # of the 1000 x 1000 product
PICTURES = {"speedup.png", "speedup-dark.png", "rate.png", "rate-dark.png"}


def measured(kernel, problem, milliseconds) -> Measurement:
    elapsed_ns = tuple(round(milliseconds * MS) + 1000 * place for place in range(6))
    return Measurement(Case(kernel, problem), samples=Samples((1,) * 6, elapsed_ns, (0,) * 6, tuple(range(6))))


def whole(n) -> tuple[Measurement, ...]:
    return tuple(measured(name, Problem(n, n, n), each * (n / 1000) ** 3) for name, each in TIMES_MS.items())


def record(preset, created, measurements, *, complete=True) -> Record:
    header = Header(
        id=created.replace("-", "").replace(":", "") + "-a1",
        created=created,
        machine="two-cpus",
        host=Host(),
        environment=Environment(python="3.11.7"),
        conditions=Conditions(),
        plan=Plan(preset, f"matbench run --preset {preset}", 1, 60.0, 7, MS, "python_lists", ()),
        kernels=tuple(KernelCard(name, "a rung", "an idea") for name in TIMES_MS),
    )
    peak = Ceiling("fma", "float64", 8, 1, 10**9, samples=Samples((1,), (15 * MS,), (0,), (0,)))
    end = End(finished=created, elapsed_s=60.0, conditions=Conditions()) if complete else None
    return Record(header, (peak,), tuple(measurements), end)


def full(created="2026-11-22T10:00:00Z", **fields) -> Record:
    return record("full", created, (*whole(64), *whole(256), *whole(1000)), **fields)


def standard(created="2026-11-22T11:00:00Z") -> Record:
    slabs = [measured("python_lists", Problem(m, 1000, 1000), 60.0 * m) for m in (1, 2, 4)]
    return record("standard", created, (*whole(64), *whole(256), *slabs, *whole(1000)[1:]))


def suite() -> Record:
    return read_asv(SUITE, readme.BASE)


def parts(*records: Record) -> dict[str, str]:
    """The generated parts with these attributions."""
    return readme.blocks(standard(), full(), suite(), {attribute(each).n: each for each in records})


def store(results: Path, *records: Record) -> None:
    folder = results / "records" / "two-cpus"
    folder.mkdir(parents=True, exist_ok=True)
    for each in records:
        (folder / f"{each.header.id}.jsonl").write_bytes(encode_record(each))


def called(*arguments) -> int:
    """The exit code of tools/readme.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["readme.py", *arguments])
        return readme.main()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A copy of the repository's README with records of its own, written by tools/readme.py."""
    root = tmp_path_factory.mktemp("repository")
    results, text = root / "results", root / "README.md"
    store(results, full(), standard())
    (results / "asv" / "testbox").mkdir(parents=True)
    (results / "asv" / "testbox" / "25e24110-virtualenv-py3.11.json").write_bytes(SUITE.read_bytes())
    text.write_bytes((ROOT / "README.md").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readme, "ROOT", root)
        patch.setattr(readme, "README", text)
        patch.setattr(readme, "PICTURES", results / "figures" / "readme")
        patch.setattr(readme.newest, "__defaults__", (results,))
        patch.setattr(readme.newest_of_asv, "__defaults__", (results,))
        patch.setattr(readme.newest_credits, "__defaults__", (results,))
        assert called() == 0
        yield SimpleNamespace(text=text, results=results, pictures=readme.PICTURES)


@pytest.fixture
def copy(written):
    """As `written`; what a test does to the text, the pictures and the records is undone."""
    files = [each for each in written.text.parent.rglob("*") if each.is_file()]
    before = {path: path.read_bytes() for path in files}
    yield written
    for path in written.text.parent.rglob("*"):
        if path.is_file() and path not in before:
            path.unlink()
    for path, data in before.items():
        path.write_bytes(data)


def test_the_read_me_is_what_the_newest_records_say():
    try:
        newest = readme.newest("standard"), readme.newest("full"), readme.newest_of_asv(), readme.newest_credits()
    except SystemExit as reason:
        pytest.skip(str(reason))
    table = readme.tabulate(newest[1])
    credit = attribute(newest[3][max(newest[3])]) if newest[3] else None
    text = readme.README.read_text(encoding="utf-8")
    out_of_date = readme.stale(text, readme.blocks(*newest), table, credit)
    assert not out_of_date, f"{', '.join(out_of_date)} out of date: run make readme"


def test_every_generated_part_of_the_read_me_has_a_text_and_every_text_a_part(written):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"<!-- generated: (\w+) -->", text)
    assert sorted(named) == sorted(parts())
    assert len(readme.BLOCK.findall(text)) == len(named) == text.count("<!-- end -->")
    assert all(
        found[0].strip() for found in re.findall(r"generated: \w+ -->\n(.*?)(<!-- end)", written.text.read_text())
    )


def test_what_was_just_written_is_current_and_writing_again_changes_nothing(written, capsys):
    before = written.text.read_bytes(), {each.name: each.read_bytes() for each in written.pictures.iterdir()}
    assert called("--check") == 0
    assert capsys.readouterr().out == ""
    assert called() == 0
    assert (written.text.read_bytes(), {each.name: each.read_bytes() for each in written.pictures.iterdir()}) == before
    assert set(before[1]) == PICTURES


def test_what_is_not_generated_stays_as_it_is(written):
    outside = [
        readme.BLOCK.sub(r"\1\3", path.read_text(encoding="utf-8")) for path in (ROOT / "README.md", written.text)
    ]
    assert outside[0] == outside[1]


def test_every_figure_names_its_machine_its_day_and_its_command(written):
    made = parts()
    for name in ("prediction", "sentence"):
        assert "`matbench run --preset standard`" in made[name]
    for name in ("speedup", "rate", "lesson"):
        assert "Measured on two-cpus" in made[name]
        assert f"`matbench run --preset full`, record {full().header.id}." in made[name]
        assert "2026-11-22: `matbench run --preset full`" in made[name]
    assert "1,500×" in written.text.read_text(encoding="utf-8")  # 60 s over 40 ms


def test_a_changed_number_is_noticed(copy, capsys):
    text = copy.text.read_text(encoding="utf-8")
    copy.text.write_text(text.replace("1,500×", "1,600×", 1), encoding="utf-8")
    assert called("--check") == 1
    assert capsys.readouterr().out == "out of date: README.md; run make readme\n"


def test_any_changed_digit_of_a_generated_part_is_noticed(written):
    text, made = written.text.read_text(encoding="utf-8"), parts()
    table = readme.tabulate(full())
    digits = [
        place for found in readme.BLOCK.finditer(text) for place in range(*found.span()) if text[place] in "123456789"
    ]
    assert len(digits) > 100
    for place in digits[::10]:
        changed = f"{text[:place]}0{text[place + 1 :]}"
        assert readme.stale(changed, made, table) == ["README.md"]


def test_a_changed_record_is_noticed_in_the_text_and_in_every_picture(copy, capsys):
    other = msgspec.structs.replace(full(), measurements=(*whole(64), *whole(1000)))
    store(copy.results, other)
    assert called("--check") == 1
    told = capsys.readouterr().out
    assert all(f"results/figures/readme/{name}" in told for name in PICTURES)


def test_a_picture_that_is_missing_or_none_of_ours_is_noticed(copy, capsys):
    (copy.pictures / "rate.png").unlink()
    (copy.pictures / "speedup.png").write_bytes(b"no picture")
    assert called("--check") == 1
    expected = "out of date: results/figures/readme/speedup.png, results/figures/readme/rate.png; run make readme\n"
    assert capsys.readouterr().out == expected


def test_the_newest_complete_record_of_the_preset_counts(copy):
    later = full("2026-11-23T10:00:00Z")
    store(copy.results, later, full("2026-11-24T10:00:00Z", complete=False), standard("2026-11-25T10:00:00Z"))
    assert readme.newest("full", copy.results).header == later.header


@pytest.mark.parametrize(
    ("more", "usable"), [(" --operations '*'", None), (" --seed 2", 2), ("", 1)], ids=["operations", "seed", "one CPU"]
)
def test_a_run_of_something_else_or_on_some_of_the_cpus_does_not_count(copy, more, usable):
    before, other = readme.newest("standard", copy.results).header, standard("2026-11-25T10:00:00Z")
    plan = msgspec.structs.replace(other.header.plan, command=other.header.plan.command + more)
    host, conditions = Host(logical_cpus=2), Conditions(affinity=usable)
    header = msgspec.structs.replace(other.header, plan=plan, host=host, conditions=conditions)
    store(copy.results, msgspec.structs.replace(other, header=header))
    assert readme.newest("standard", copy.results).header == before
    assert ("(unknown, 1 of 2 CPUs; " in readme.source(header)) is (usable == 1)


def credited(results: Path, *records: Record) -> None:
    store(results / "attribution", *records)


def test_the_credit_is_told_at_each_size_by_the_newest_attribution_of_one_machine(copy):
    older, newer = "2026-11-20T10:00:00Z", "2026-11-23T10:00:00Z"
    wanted = {n: record_at(n, created=newer) for n in (64, 1024)}
    others = [record_at(64, created=older), record_at(256, created=older, host_id="h-another"), record_at(100)]
    interrupted = msgspec.structs.replace(record_at(64, created="2026-11-24T10:00:00Z"), end=None)
    others += [interrupted, record_at(256, dtype="float32", created=newer)]
    credited(copy.results, *wanted.values(), *others)
    found = readme.newest_credits(copy.results)
    assert {n: each.header.id for n, each in found.items()} == {n: each.header.id for n, each in wanted.items()}


def test_the_part_on_credit_has_the_picture_the_table_of_all_sizes_and_the_source():
    text = parts(*(record_at(n) for n in (64, 256, 1024)))["credit"]
    assert 'src="results/figures/readme/credit.png"' in text
    assert "At n = 1024 (float64), compiling is worth most" in text
    header = next(line for line in text.split("\n") if line.startswith("| idea"))
    assert [size for size in ("n = 64", "n = 256", "n = 1024") if size in header] == ["n = 64", "n = 256", "n = 1024"]
    assert "Measured on quiet-heron (AMD EPYC" in text
    assert parts()["credit"] == f"Not recorded yet: `{HOW}` measures it."


def test_the_pictures_of_the_credit_are_written_and_a_new_attribution_makes_them_stale(copy, capsys):
    credited(copy.results, record_at(64))
    assert called() == 0
    assert called("--check") == 0
    assert {"credit.png", "credit-dark.png"} < {each.name for each in copy.pictures.iterdir()}
    credited(copy.results, record_at(256))
    assert called("--check") == 1
    assert "credit-dark.png" in capsys.readouterr().out


def test_the_sentence_tells_the_credit_of_its_machine():
    host = Host(host_id=HOST_ID)
    own = msgspec.structs.replace(standard(), header=msgspec.structs.replace(standard().header, host=host))
    told = readme.blocks(own, full(), suite(), {64: record_at(64)})["sentence"]
    assert "Whatever the order in which the ideas are added, compiling is worth" in told
    other = "What each idea is worth is of the other record, which the sentence names."
    assert told.endswith(f"record {own.header.id}. {other}")
    assert "Whatever the order" not in parts(record_at(64))["sentence"]  # of another machine


def test_without_a_record_the_remedy_is_to_make_one(tmp_path):
    with pytest.raises(SystemExit, match="make one: matbench run --preset full"):
        readme.newest("full", tmp_path)


def test_the_ladder_has_our_own_kernels_and_no_plugins(monkeypatch):
    ours = tuple(each for each in default_registry() if each.origin == "matbench")
    foreign = dataclasses.replace(ours[0], name="numpy_foreign", origin="somebody-elses")
    monkeypatch.setattr(readme, "default_registry", lambda: Registry((*ours, foreign)))
    ladder = parts()["kernels"]
    assert re.findall(r"`(\w+)`", ladder) == [each.name for each in Registry(ours)]
