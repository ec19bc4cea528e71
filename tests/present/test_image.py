import re
import xml.etree.ElementTree as ET

import pytest

from matbench.errors import UsageError
from matbench.present.figures import digest, digest_of, render, speedup_figure
from matbench.present.style import LIGHT, looks

HOSTILE = '</title><script>alert("1")</script> & "x"'
DIGEST = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def small(made):
    base = made.row(made.card(made.base), 64, 1.0)
    return made.table([base, made.row(made.card("$x_1$ <b>&"), 64, 0.1, base_s=1.0)])


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_equal_figures_are_equal_bytes(small, kind):
    one, other = (render(speedup_figure(small), kind, title="t", description="d", digest=DIGEST) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_digest_reads_back(small, kind):
    figure = speedup_figure(small)
    assert digest_of(render(figure, kind, title="t", description="d", digest=DIGEST)) == DIGEST
    assert digest_of(render(figure, kind, title=DIGEST, description="d")) is None


@pytest.mark.parametrize(
    "image", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXt" + b"x" * 9]
)
def test_foreign_or_broken_bytes_have_no_digest(image):
    assert digest_of(image) is None


def test_a_cut_png_does_not_loop_or_fail(small):
    whole = render(speedup_figure(small), "png", title="t", description="d", digest=DIGEST)
    assert all(digest_of(whole[:end]) in {None, DIGEST} for end in range(0, 400, 7))


def test_the_digest_changes_with_the_data_and_with_nothing_else(small, table):
    assert digest(small, "rate") == digest(small, "rate")
    assert len({digest(small), digest(table), digest(small, "rate")}) == 3


def test_an_svg_is_xml_with_a_title_and_a_description(small):
    svg = render(speedup_figure(small), "svg", title=HOSTILE, description=HOSTILE).decode()
    root = ET.fromstring(svg)  # noqa: S314 (our own bytes)
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    named = {child.get("id"): child.text for child in root if child.tag in {f"{space}title", f"{space}desc"}}
    assert set(named) == set(root.get("aria-labelledby").split())
    assert set(named.values()) == {HOSTILE}
    assert not list(root.iter(f"{space}script"))


def test_every_reference_in_an_svg_leads_somewhere_and_pictures_share_no_identifier(small):
    one, other = (render(speedup_figure(small), "svg", title=t, description="d").decode() for t in ("one", "two"))
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (one, other)]
    assert not ids[0] & ids[1]
    assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', one)) <= {(i, "") for i in ids[0]} | {
        ("", i) for i in ids[0]
    }


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_no_date_and_no_version_is_in_a_picture(small, kind):
    image = render(speedup_figure(small), kind, title="t", description="d")
    assert b"dc:date" not in image
    assert b"atplotlib version" not in image


def test_a_png_is_1800_pixels_wide(small):
    image = render(speedup_figure(small), "png", title="t", description="d")
    assert int.from_bytes(image[16:20], "big") == 1800


def test_other_formats_and_odd_digests_are_refused(small):
    figure = speedup_figure(small)
    with pytest.raises(UsageError, match="png and svg"):
        render(figure, "pdf", title="t", description="d")
    with pytest.raises(UsageError, match="hexadecimal"):
        render(figure, "png", title="t", description="d", digest="not hex")


def test_the_readers_settings_do_not_change_the_bytes(small):
    import matplotlib as mpl

    plain = render(speedup_figure(small), "svg", title="t", description="d")
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "none", "lines.linewidth": 9}):
        assert render(speedup_figure(small), "svg", title="t", description="d") == plain
    with looks(LIGHT):
        assert render(speedup_figure(small), "svg", title="t", description="d") == plain
