"""The credit for each idea, where it is kept for the machine of a record: in its tables, pictures and page."""

import msgspec
import pytest
from cli_driver import complains
from cli_inside import inside
from credit_examples import record_at
from readme_tool import readme

from matbench.cli.credits import FOLDER
from matbench.model import Case, KernelCard, Measurement, Problem, Samples
from matbench.record.store import find_records, keep_record, read_record

try:
    RECORD = readme.newest_path("standard")
except SystemExit:
    RECORD = None
pytestmark = pytest.mark.skipif(RECORD is None, reason="no record of the preset standard is kept in results/")
NONE = "no attribution of this machine in {} is kept; measure one with matbench explain --attribution"


@pytest.fixture
def owner(user):
    """A user whose results hold two attributions of the machine of a record."""
    header = read_record(RECORD).header
    for n in (64, 1024):
        kept = record_at(n, host_id=header.host.host_id, machine=header.machine)
        keep_record(kept, user.folder / "results" / FOLDER)
    return inside(user)


def test_a_record_is_told_with_the_credit_that_is_kept_for_its_machine(owner):
    done = owner.does("show", RECORD)
    assert done.code == 0, done.err
    assert "Whatever the order in which the ideas are added, compiling is worth" in done.out
    elsewhere = owner.does("show", RECORD, "--results", "elsewhere")
    assert "Whatever the order" not in elsewhere.out
    assert done.out.count("of that, compiling") < elsewhere.out.count("of that, compiling")


def test_an_attribution_is_no_run(owner):
    complains(owner.does("show"), "no record")
    assert "attribution" not in owner.does("records").out


def test_the_picture_of_the_credit_is_drawn_where_it_is_kept(owner):
    done = owner.does("plot", RECORD, "--kind", "credit", "--output", "figures")
    assert done.out.split() == ["figures/credit-float64.png", "figures/credit-float64.svg"]
    assert "whatever the order" in (owner.folder / "figures/credit-float64.svg").read_text("utf-8")
    elsewhere = owner.does("plot", RECORD, "--kind", "credit", "--results", "elsewhere")
    complains(elsewhere, NONE.format("float64"))


def test_in_a_type_in_which_none_is_kept_the_picture_is_refused_before_anything_is_drawn(owner):
    before = owner.files
    done = owner.does("plot", RECORD, "--kind", "ladder,credit", "--dtype", "float32")
    complains(done, NONE.format("float32") + " --dtype float32")
    assert owner.files == before


def another(folder, *cases):
    """The file of a record of the same machine with these cases alone."""
    kept = read_record(RECORD)
    cards = tuple(KernelCard(name, "a rung", "an idea") for name in dict.fromkeys(case.kernel for case in cases))
    samples = Samples((1,) * 6, (10**6,) * 6, (0,) * 6, tuple(range(6)))
    measurements = tuple(Measurement(case, samples=samples) for case in cases)
    header = msgspec.structs.replace(kept.header, kernels=cards)
    return keep_record(msgspec.structs.replace(kept, header=header, measurements=measurements), folder)


def test_only_a_square_product_has_credit_beside_it(owner):
    product, vector = Case("numpy_matmul", Problem(64, 64, 64)), Problem(64, 64, 64, operation="matvec")
    both = another(owner.folder / "both", product, Case("numpy_matvec", vector))
    done = owner.does("plot", both, "--kind", "credit", "--operations", "*", "--output", "figures")
    assert done.out.split() == ["figures/credit-float64.png", "figures/credit-float64.svg"]
    alone = owner.does("plot", both, "--kind", "credit", "--operations", "matvec")
    complains(alone, "only the product has credit for its ideas; leave out --kind credit, or add matmul")
    beam = another(owner.folder / "beam", Case("numpy_matmul", Problem(8, 1000, 1000)))
    complains(owner.does("plot", beam, "--kind", "credit"), "no square product in float64 in this record")


def test_the_page_shows_it_and_gives_back_the_record_unchanged(owner):
    done = owner.does("report", RECORD, "-o", "page.html")
    assert done.code == 0, done.err
    page = (owner.folder / "page.html").read_text("utf-8")
    assert "What made it fast, in whatever order, at n = " in page
    assert len(page) <= 1_500_000
    back = owner.does("import", "page.html", "--results", "other")
    assert back.code == 0, back.err
    (path,) = find_records(owner.folder / "other")
    assert path.read_bytes() == RECORD.read_bytes()


def test_one_that_can_t_be_read_is_left_out_with_a_warning(owner):
    path = find_records(owner.folder / "results" / FOLDER)[0]
    path.write_text("{}\n", "utf-8")
    done = owner.does("show", RECORD)
    assert done.code == 0
    assert path.name in done.err
    assert "Whatever the order" in done.out


def test_the_folder_of_results_has_one_name_in_every_command(owner):
    commands = ("run", "pair", "gate", "import", "show", "plot", "export", "report", "compare", "records", "explain")
    for command in commands:
        assert "--results" in owner.does(command, "--help").out, command
