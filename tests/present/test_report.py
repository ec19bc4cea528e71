"""The report as text: what it holds and in which order, what it asks of nobody, and what becomes of odd records."""

import base64
import gc
import gzip
import hashlib
import html
import re
from urllib.parse import unquote

import msgspec
import pytest
from credit_examples import HOST_ID, attribution_at
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from markupsafe import Markup

from matbench.analyse.ladder import tabulate
from matbench.model import Case, Ceiling, End, Measurement, Problem, Samples
from matbench.present.attribution import HOW
from matbench.present.figures import KINDS
from matbench.present.report import assembly
from matbench.present.report.assembly import Part, report_page
from matbench.present.report.chapters import CHAPTERS
from matbench.present.report.interactive import Interactive, interactive
from matbench.present.report.page import data_uri, environment
from matbench.present.report.published import PUBLISHED

ISLAND = "<i>the record</i>"
LIMIT = 1_500_000  # bytes
CREDITS = (attribution_at(64), attribution_at(1024))


@pytest.fixture(scope="module", autouse=True)
def without_the_extra():
    """The page as most have it; the extra's own tests bring it back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assembly, "interactive", lambda *_: None)
        patch.setattr(assembly, "prepare", lambda _: None)
        yield


def page_of(*records):
    return report_page([Part(each, (tabulate(each),), "float64", ISLAND, CREDITS) for each in records])


@pytest.fixture(scope="module")
def whole(sampled):
    """The machine with its peaks."""
    samples = Samples((1,) * 4, (17_000,) * 4, (0,) * 4, tuple(range(4)))  # 10^6 flops: 59 GFLOP/s a thread
    ceilings = tuple(Ceiling("fma", "float64", 8, threads, threads * 10**6, samples=samples) for threads in (1, 2))
    host = msgspec.structs.replace(sampled.header.host, host_id=HOST_ID)
    header = msgspec.structs.replace(sampled.header, host=host)
    return msgspec.structs.replace(sampled, header=header, ceilings=ceilings)


def test_the_command_that_reads_a_page_back_quotes_its_name(whole):
    part = Part(whole, (tabulate(whole),), "float64", ISLAND)
    assert "matbench import 'my; page.html'" in html.unescape(report_page([part], "my; page.html"))


@pytest.fixture(scope="module")
def page(whole):
    return page_of(whole)


def told(page):
    """What can be read on the page."""
    body = re.sub(r"<(style|script).*?</\1>", "", page[page.index("<body>") :], flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)))


def headings(page):
    return [html.unescape(each) for each in re.findall(r"<h3>(.*?)</h3>", page)]


def test_every_kind_of_picture_has_its_chapter():
    assert {chapter.kind for chapter in CHAPTERS} == {*KINDS, None}


def test_the_chapters_stand_in_their_order(page):
    found = headings(page)
    places = [next(i for i, each in enumerate(found) if each.startswith(chapter.title)) for chapter in CHAPTERS]
    assert places == sorted(places)
    assert found[-4:] == [
        "The machine",
        "Warnings, and what was left out",
        "How it was measured, and how to repeat it",
        "Published ladders: context, not measured here",
    ]


def test_the_sentence_comes_first(page):
    text = told(page)
    lead = html.unescape(re.search(r'<p class="lead">(.*?)</p>', page)[1])
    assert "NumPy's @" in lead
    assert text.index(lead) < text.index("The ladder at n = 257 (float64)")


def test_beside_the_ladder_stands_the_credit_in_whatever_order_where_it_was_measured_on_that_machine(page, sampled):
    assert headings(page)[1] == "What made it fast, in whatever order, at n = 1024 (float64)"
    lead = html.unescape(re.search(r'<p class="lead">(.*?)</p>', page)[1])
    assert "Whatever the order in which the ideas are added, compiling is worth" in lead
    assert "measured apart at n = 1024" in lead
    assert HOW not in told(page)
    other = page_of(sampled)  # of another machine
    assert "What made it fast" not in told(other)
    assert told(other).count(HOW) == 1
    assert "; of that, compiling" in told(other)


def test_every_chapter_has_a_finding_a_table_and_a_csv(page):
    sections = re.findall(r'<section id="r1-\d+">.*?</section>', page, flags=re.DOTALL)
    assert len(sections) >= len(CHAPTERS)
    for section in sections:
        assert re.search(r'<p class="finding">[^<]{10,}</p>', section)
        assert "<tbody>" in section
        assert 'href="data:text/csv' in section
    assert sum("<svg role=" in section for section in sections) == len(KINDS)


def test_a_csv_link_holds_what_the_table_shows(page):
    section = re.search(r'<section id="r1-1">.*?</section>', page, flags=re.DOTALL)[0]
    table = unquote(html.unescape(re.search(r'href="data:text/csv;charset=utf-8,([^"]*)"', section)[1]))
    rows = table.strip().split("\n")
    assert len(rows) - 1 == section.count("<tr><td>")
    assert "numpy_matmul" in table


def test_nothing_is_fetched_and_only_citations_lead_away(page):
    assert not re.search(r"<(?:link(?! rel=\"icon\" href=\"data:,\")|img|iframe|object|embed|base)\b", page)
    assert not re.search(r"@import|url\((?!#)", page)
    assert not re.search(r"\bsrc=", page)
    away = set(re.findall(r'href="(?!#|data:)([^"]*)"', page))
    assert away == {ladder.address for ladder in PUBLISHED}


def test_the_policy_lets_our_script_run_and_no_other(page):
    policy = html.unescape(re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1])
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert f"script-src 'sha256-{digest}'" in policy


def test_a_page_is_small_and_the_same_every_time(page, whole):
    assert len(page.encode()) < LIMIT
    assert page_of(whole) == page


def test_the_collector_is_as_it_was_before_even_after_a_failure(whole, monkeypatch):
    for switch in (gc.disable, gc.enable):
        switch()
        before = gc.isenabled()
        page_of(whole)
        assert gc.isenabled() == before
    monkeypatch.setattr(assembly, "story_of", lambda *_, drawings: drawings.missing)
    with pytest.raises(AttributeError):
        page_of(whole)
    assert gc.isenabled()


def test_the_command_and_the_island_are_there(page, sampled):
    assert f"<pre><code>{sampled.header.plan.command}</code></pre>" in page
    assert page.count(ISLAND) == 1


def test_several_records_stand_one_after_the_other(sampled):
    page = page_of(sampled, sampled)
    assert page.count(ISLAND) == 2
    names = re.findall(r'\bid="([^"]+)"', page)
    assert len(names) == len(set(names))
    assert {"r1-machine", "r2-machine"} <= set(names)


def test_published_ladders_are_cited_and_told_apart_from_ours(page):
    text = told(page)
    for ladder in PUBLISHED:
        assert f"{ladder.title} (published, not measured here)" in text
        assert ladder.source in text
    assert "62,806×" in text
    assert "51,497×" in text
    assert "This record, at n = 257 (float64) (measured here)" in text


# -- odd records -------------------------------------------------------------------------------------------------------


def test_a_record_of_nothing_is_a_page_that_says_so(record_of):
    page = page_of(record_of())
    assert "Nothing was measured." in told(page)
    assert "<svg role=" not in page


def test_a_run_that_was_cut_short_is_told_as_such(record_of):
    assert "did not reach its end" in told(page_of(record_of()))


def test_warnings_stand_in_front_and_in_full(sampled):
    end = End(
        finished="2026-11-22T17:00:00Z", elapsed_s=60.0, conditions=sampled.header.conditions, warnings=("so noisy",)
    )
    text = told(page_of(msgspec.structs.replace(sampled, end=end)))
    assert "before you rely on a figure" in text
    assert "so noisy" in text


def test_what_was_left_out_is_told_with_its_reason(sampled):
    skipped = Measurement(Case("numpy_rows", Problem(999, 999, 999)), outcome="skipped", reason="no <time> left")
    page = page_of(msgspec.structs.replace(sampled, measurements=(*sampled.measurements, skipped)))
    assert "numpy_rows, n = 999 (float64): no <time> left" in told(page)
    assert "<time>" not in page


def test_a_wrong_result_is_a_warning(sampled):
    wrong = Measurement(Case("numpy_rows", Problem(8, 8, 8)), outcome="wrong", reason="off by 3")
    page = page_of(msgspec.structs.replace(sampled, measurements=(*sampled.measurements, wrong)))
    assert "numpy_rows at n = 8 (float64): off by 3." in told(page)


def test_times_of_another_program_are_not_said_to_be_measured_by_us(sampled):
    plan = msgspec.structs.replace(sampled.header.plan, command="matbench import --from asv")
    header = msgspec.structs.replace(sampled.header, plan=plan)
    text = told(page_of(msgspec.structs.replace(sampled, header=header)))
    assert "how they were measured is for that program to say" in text
    assert "Interleaved" not in text


def test_times_of_unknown_work_are_read_against_no_peak(whole):
    table = tabulate(whole)
    rows = (msgspec.structs.replace(row, rate=None, peak_share=None) for row in table.rows)
    page = report_page([Part(whole, (msgspec.structs.replace(table, rows=tuple(rows)),), "float64", ISLAND)])
    found = headings(page)
    assert [each.partition(" at ")[0] for each in found[:-3]] == [
        "The ladder",
        "Speed-up against n",
        "How the samples scatter",
        "Which kernel from which size on",
    ]
    assert "Science" not in told(page)
    assert "matrix multiplication" not in re.search(r"<h1>.*?</h1>", page)[0]


def test_one_kernel_at_one_size_is_enough_for_a_page(record_of, sampled):
    record = record_of(measurements=sampled.measurements[:1])
    assert "only" in told(page_of(record))


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


@given(TEXT)
def test_no_text_whatever_becomes_markup(text):
    page = environment().from_string("<p title='{{ text }}'>{{ text }}</p>").render(text=f"<b>{text}</b>")
    assert page.count("<") == 2
    assert page.count("'") == 2
    assert not {"\0", "\u202e", "\u2066", "\x1b", "\n"} & set(page)


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_a_link_brings_its_text_unchanged(text):
    address = data_uri(text, "text/csv")
    assert unquote(address.partition(",")[2]) == text
    assert html.escape(address) == address


def test_a_name_that_a_template_misspells_is_an_error():
    with pytest.raises(UndefinedError):
        environment().from_string("{{ nothing_of_that_name }}").render()


# -- the extra ---------------------------------------------------------------------------------------------------------


def test_without_the_extra_the_page_is_the_same_but_for_one_section(whole, monkeypatch):
    plain = page_of(whole)
    assert "<script>" in plain
    assert "packed" not in re.sub(r"<style>.*?</style>", "", plain, flags=re.DOTALL)
    block = Interactive(Markup("<p>block</p>"), ("one();", "two();"))
    monkeypatch.setattr(assembly, "interactive", lambda *_: block)
    lively = page_of(whole)
    assert headings(lively) == [
        *headings(plain)[:3],
        "Try it: point at a mark, hide rungs, change the base",
        *headings(plain)[3:],
    ]
    packed = re.findall(r'<script type="application/gzip" class="packed">(.*?)</script>', lively)
    assert [gzip.decompress(base64.b64decode(each)).decode() for each in packed] == ["one();", "two();"]
    for text in block.scripts:
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in lively


def test_the_bundle_fits_into_the_page_of_a_full_run(whole, monkeypatch):
    pytest.importorskip("vl_convert", reason="needs the extra report")
    monkeypatch.setattr(assembly, "interactive", interactive)
    assert len(page_of(whole).encode()) < 900_000  # a full run's record and tables take half a megabyte more
