import json
import re
import sys
from importlib.metadata import version

import pytest

from matbench.present.report import interactive as module
from matbench.present.report.interactive import interactive

LIBRARY = "the library"


@pytest.fixture
def bundled(monkeypatch):
    monkeypatch.setattr(module, "_bundled", lambda _: LIBRARY)


def values(block):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', block.html, re.DOTALL)[1])


def test_without_the_extra_there_is_no_block(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    module._bundled.cache_clear()
    assert interactive(table) is None
    module._bundled.cache_clear()


@pytest.mark.usefixtures("bundled")
def test_without_anything_measured_there_is_no_block(made):
    assert interactive(made.table([])) is None


@pytest.mark.usefixtures("bundled")
def test_the_library_comes_before_what_uses_it(table):
    library, own = interactive(table).scripts
    assert library == LIBRARY
    assert "vegaEmbed" in own
    assert "</script" not in own


@pytest.mark.usefixtures("bundled")
def test_every_time_of_the_table_is_a_point_with_its_figures(table):
    told = values(interactive(table))
    timed = [row for row in table.rows if row.seconds is not None]
    assert len(told["points"]) == len(timed)
    kernels = [(one["kernel"], one["threads"]) for one in told["series"]]
    points = {(*kernels[point[0]], point[1]): point for point in told["points"]}
    for row in timed:
        point = points[row.case.kernel, row.case.threads, row.case.problem.n]
        assert point[3] == pytest.approx(row.seconds.estimate, rel=1e-4)
        assert point[6] == pytest.approx(row.rate.estimate / 1e9, rel=1e-4)
        assert bool(point[2] & 1) == row.extrapolated
    assert told["series"][told["base"]]["kernel"] == table.base
    assert [threads for threads, _ in told["peaks"]] == [1, 2]


@pytest.mark.usefixtures("bundled")
def test_hostile_names_stay_text(made):
    name = "</script><script>alert(1)</script>"
    block = interactive(made.table([made.row(made.card(name), 64, 1.0)]), name='x" onload="y')
    assert "<script>alert" not in block.html
    assert 'onload="y"' not in block.html
    assert values(block)["series"][0]["kernel"] == name


@pytest.mark.usefixtures("bundled")
def test_each_record_has_a_block_of_its_own_name(table):
    assert 'id="second"' in interactive(table, name="second").html


def test_the_real_library_cannot_end_its_element():
    pytest.importorskip("vl_convert", reason="needs the extra report")
    module.prepare()
    text = module.library()
    assert "</script" not in text
    assert len(text) < 1_000_000


def test_what_was_bundled_once_is_kept_under_a_name_that_tells_its_version(table):
    pytest.importorskip("vl_convert", reason="needs the extra report")
    kept = {}

    def keep(name, make):
        kept[name] = make
        return LIBRARY

    assert interactive(table, keep=keep).scripts[0] == LIBRARY
    (name,) = kept
    assert version("vl-convert-python").partition("+")[0] in name
    module._bundled.cache_clear()
