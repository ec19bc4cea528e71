"""`matbench report`: a page beside the figures or where it is asked for, from which the records come back unchanged."""

import os
import shutil
import stat

import pytest
from cli_driver import User


@pytest.fixture
def own(user, tiny) -> User:
    """Somebody with a copy of the tiny run's results, to be written to."""
    shutil.copytree(tiny.user.folder / "results", user.folder / "results")
    return user


@pytest.fixture
def page(own):
    """The page that the run left, under another name."""
    (left,) = own.folder.glob("results/figures/*/*/*.html")
    return left.rename(own.folder / "page.html")


def test_a_run_leaves_a_page_beside_its_figures(tiny):
    (page,) = tiny.user.folder.glob("results/figures/*/*/*.html")
    assert page.name == "report.html"
    assert (page.parent / "speedup-float64.png").is_file()
    assert str(page.relative_to(tiny.user.folder)) in tiny.done.err
    assert "numpy_matmul" in page.read_text("utf-8")


@pytest.mark.skipif(os.name == "nt", reason="the browser is a shell script")
def test_without_a_name_the_page_lies_beside_the_figures_and_may_be_opened(own, page, tiny):
    browser = own.folder / "browser"
    browser.write_text('#!/bin/sh\nprintf %s "$1" > opened\n')
    browser.chmod(browser.stat().st_mode | stat.S_IEXEC)
    done = own.at(own.folder, BROWSER=f"{browser} %s").does("report", "--open")
    assert done.code == 0, done.err
    told = done.out.strip()
    assert told == f"results/figures/{tiny.path.parent.name}/{tiny.path.stem}/report.html"
    assert (own.folder / told).read_bytes() == page.read_bytes()
    assert (own.folder / "opened").read_text() == (own.folder / told).as_uri()


def test_the_record_comes_back_out_of_the_page_unchanged(own, page, tiny):
    done = own.does("import", page, "--output", "elsewhere")
    assert done.code == 0, done.err
    assert (own.folder / done.out.strip()).read_bytes() == tiny.path.read_bytes()


def test_a_page_of_several_records_gives_all_back(own):
    (path,) = own.records
    second = path.with_name("20200101T000000Z-a.jsonl")
    second.write_bytes(path.read_bytes().replace(path.stem.encode(), second.stem.encode()))
    done = own.does("report", path.stem, second.stem, "-o", "both of them.html")
    assert done.code == 0, done.err
    assert "matbench import 'both of them.html'" in done.err
    back = own.does("import", "--from", "page", "both of them.html", "--output", "elsewhere")
    assert back.code == 0, back.err
    for told, original in zip(back.out.split(), (path, second), strict=True):
        assert (own.folder / told).read_bytes() == original.read_bytes()


def test_what_a_stranger_changed_in_a_page_is_found_implausible(own, page):
    page.write_text(page.read_text("utf-8").replace('"created":"2', '"created":"x', 1), encoding="utf-8")
    done = own.does("import", page, "--output", "elsewhere")
    assert done.code == 2
    assert "not plausible" in done.err
    assert not (own.folder / "elsewhere").exists()


def test_only_a_page_is_written_over(own):
    (path,) = own.records
    before = path.read_bytes()
    done = own.does("report", "-o", path)
    assert done.code == 2
    assert done.complaints == [f"matbench: '{path.name}' is no name of a page; give one that ends in .html"]
    assert path.read_bytes() == before


def test_a_dtype_that_was_not_measured_is_refused(own):
    done = own.does("report", "--dtype", "int64", "-o", "other.html")
    assert done.code == 2
    assert len(done.complaints) == 1
    assert not (own.folder / "other.html").exists()
