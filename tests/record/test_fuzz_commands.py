"""Whatever file a command is given: an answer or one sentence, the documented exit code, nothing else written."""

from __future__ import annotations

import contextlib
import gzip
import io
import warnings

import pytest
from fuzzing import damaged, fuzz
from hypothesis import given
from hypothesis import strategies as st
from store_examples import distinct_measurements, header, record
from test_bundles import ALL, MANIFEST, PAIR, files

from matbench.cli.main import main
from matbench.model import KernelCard
from matbench.record.bundles import bundled
from matbench.record.journal import encode_record

RUN_LINES = encode_record(record()).splitlines(keepends=True)
RUN_ID = record().header.id.encode()
PAIR_LINES = encode_record(PAIR).splitlines(keepends=True)
BUNDLE_LINES = gzip.decompress(bundled(ALL, MANIFEST)).splitlines(keepends=True)
READING = (
    ("show",),
    ("show", "--json"),
    ("show", "--verdicts"),
    ("export", "--to", "csv"),
    ("export", "--to", "samples"),
    ("export", "--to", "md"),
    ("export", "--to", "record"),
    ("validate",),
)


@pytest.fixture(scope="module", autouse=True)
def no_home(tmp_path_factory):
    """Nothing of whoever runs the tests is read or written."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "LOCALAPPDATA", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp("home")))
        yield


def does(folder, *arguments) -> tuple[int, str, str]:
    """Exit code, data and messages of a command in a folder."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        code = main([str(each) for each in arguments])
    return code, out.getvalue(), err.getvalue()


def documented(code: int, out: str, err: str) -> None:
    complaints = [line for line in err.splitlines() if line.startswith("matbench: ")]
    assert code in {0, 1, 2}, err
    assert len(complaints) == (1 if code == 2 else 0), err
    assert code != 2 or not out
    for text in (out, err):
        assert all(letter.isprintable() or letter in "\r\n" for letter in text)


# Records that the schema lets through, however odd: any sizes, times and counts, any words as names.
odd = st.builds(
    lambda found, text: encode_record(
        record(
            header=header(machine=text, kernels=tuple(KernelCard(name, name, text) for name in _names(found))),
            measurements=found,
        )
    ),
    distinct_measurements,
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
)


def _names(found) -> list[str]:
    return sorted({each.case.kernel for each in found})


@fuzz(60)
@given(data=odd | damaged(RUN_LINES) | damaged(PAIR_LINES), command=st.sampled_from(READING))
def test_a_command_that_reads_answers_or_says_why_not(tmp_path_factory, data, command):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "x.jsonl").write_bytes(data)
    name, *options = command
    code, out, err = does(folder, name, "x.jsonl", *options)
    raw = {"record", "samples", "csv", "--json"} & {*command}  # what was stored is handed on as it is
    documented(code, ascii(out) if raw and out else out, err)
    assert files(folder) == {"x.jsonl": data}


@fuzz(40)
@given(data=odd | damaged(RUN_LINES) | damaged(PAIR_LINES) | damaged(BUNDLE_LINES).map(gzip.compress))
def test_what_is_taken_in_goes_nowhere_but_into_the_store(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    name = "x.gz" if data.startswith(b"\x1f\x8b") else "x.jsonl"
    (folder / name).write_bytes(data)
    code, out, err = does(folder, "import", name, "-o", "results")
    documented(code, out, err)
    found = files(folder)
    assert found.pop(name) == data
    assert all(place.startswith(("results/records/", "results/pairs/")) for place in found)
    assert bool(found) == (code == 0)
    if found:
        code, out, err = does(folder, "validate", "results")
        assert code == 0, out + err


@pytest.mark.parametrize("command", [("import", "link"), ("validate", "link"), ("show", "link"), ("export", "link")])
@pytest.mark.parametrize("target", ["missing", "link", ".", "/dev/zero", "/dev/null"])
def test_a_link_to_nothing_that_can_be_read_is_one_sentence(tmp_path, command, target):
    (tmp_path / "link").symlink_to(target)
    code, out, err = does(tmp_path, *command)
    assert code == 2
    documented(code, out, err)


COMPARING = ((), ("--format", "json"), ("--format", "csv"), ("--format", "md"), ("--format", "html"), ("--by", "n"))


@fuzz(60)
@given(data=odd | damaged(RUN_LINES) | damaged(PAIR_LINES), options=st.sampled_from(COMPARING))
def test_a_comparison_with_any_file_is_made_or_refused(tmp_path_factory, data, options):
    folder = tmp_path_factory.mktemp("fuzz")
    # The same measurements under another id: whatever they are, they are cells that both have.
    there = {"x.jsonl": data, "y.jsonl": data.replace(RUN_ID, b"20250101T000000Z-b")}
    for name, each in there.items():
        (folder / name).write_bytes(each)
    code, out, err = does(folder, "compare", "x.jsonl", "y.jsonl", *options)
    documented(code, ascii(out) if "json" in options and out else out, err)
    found = files(folder)
    assert bool(found.pop("comparison.html", b"")) == (code != 2 and "html" in options)
    assert found == there


@fuzz(60)
@given(data=odd | damaged(RUN_LINES), json=st.booleans())
def test_a_store_with_any_file_in_it_is_listed(tmp_path_factory, data, json):
    folder = tmp_path_factory.mktemp("fuzz")
    for name, each in {"m/good.jsonl": b"".join(RUN_LINES), "o/x.jsonl": data}.items():
        path = folder / "results" / "records" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each)
    before = files(folder)
    code, out, err = does(folder, "records", *["--json"] * json)
    documented(code, ascii(out) if json else out, err)  # programs get what is stored
    assert code == 0
    assert RUN_ID.decode() in out
    assert files(folder) == before


@fuzz(8)
@given(data=odd)
def test_of_any_file_a_page_is_made_or_a_sentence(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "x.jsonl").write_bytes(data)
    code, out, err = does(folder, "report", "x.jsonl", "-o", "page.html")
    documented(code, out, err)
    found = files(folder)
    assert bool(found.pop("page.html", b"")) == (code == 0)
    assert found == {"x.jsonl": data}
