"""The credit for each idea, where it is kept for the machine of a record: in its tables, pictures and page."""

from pathlib import Path

import pytest
from cli_driver import complains
from cli_inside import inside
from credit_examples import record_at

from matbench.cli.credits import FOLDER
from matbench.present.attribution import HOW
from matbench.record.store import find_records, keep_record, read_record

RECORDS = find_records(Path(__file__).parents[2] / "results")
pytestmark = pytest.mark.skipif(not RECORDS, reason="no record is kept in results/")


@pytest.fixture
def owner(user):
    """A user whose results hold two attributions of the machine of the newest record."""
    header = read_record(RECORDS[-1]).header
    for n in (64, 1024):
        kept = record_at(n, host_id=header.host.host_id, machine=header.machine)
        keep_record(kept, user.folder / "results" / FOLDER)
    return inside(user)


def test_a_record_is_told_with_the_credit_that_is_kept_for_its_machine(owner):
    done = owner.does("show", RECORDS[-1])
    assert done.code == 0, done.err
    assert "Whatever the order in which the ideas are added, compiling is worth" in done.out
    assert "of that, compiling" not in done.out
    assert "of that, compiling" in owner.does("show", RECORDS[-1], "--results", "elsewhere").out


def test_an_attribution_is_no_run(owner):
    complains(owner.does("show"), "no record")
    assert "attribution" not in owner.does("records").out


def test_the_picture_of_the_credit_is_drawn_where_it_is_kept(owner):
    done = owner.does("plot", RECORDS[-1], "--kind", "credit", "--output", "figures")
    assert done.out.split() == ["figures/credit-float64.png", "figures/credit-float64.svg"]
    assert "whatever the order" in (owner.folder / "figures/credit-float64.svg").read_text("utf-8")
    elsewhere = owner.does("plot", RECORDS[-1], "--kind", "credit", "--results", "elsewhere")
    complains(elsewhere, "no attribution of this machine is kept", HOW)


def test_the_page_shows_it_and_gives_back_the_record_unchanged(owner):
    done = owner.does("report", RECORDS[-1], "-o", "page.html")
    assert done.code == 0, done.err
    page = (owner.folder / "page.html").read_text("utf-8")
    assert "What made it fast, in whatever order, at n = " in page
    assert len(page) <= 1_500_000
    back = owner.does("import", "page.html", "--results", "other")
    assert back.code == 0, back.err
    (path,) = find_records(owner.folder / "other")
    assert path.read_bytes() == RECORDS[-1].read_bytes()


def test_one_that_can_t_be_read_is_left_out_with_a_warning(owner):
    path = find_records(owner.folder / "results" / FOLDER)[0]
    path.write_text("{}\n", "utf-8")
    done = owner.does("show", RECORDS[-1])
    assert done.code == 0
    assert path.name in done.err
    assert "Whatever the order" in done.out


def test_the_folder_of_results_has_one_name_in_every_command(owner):
    commands = ("run", "pair", "gate", "import", "show", "plot", "export", "report", "compare", "records", "explain")
    for command in commands:
        assert "--results" in owner.does(command, "--help").out, command
