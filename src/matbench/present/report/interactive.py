"""A picture that answers: hover, hide rungs, switch the base, linear or logarithmic. Only with the extra ``report``.

It is drawn by Vega-Lite, whose scripts `vl_convert` brings along: they are written into the page, nothing is fetched.
What it shows is in the page's other pictures and tables too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from threading import Lock, Thread
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from markupsafe import Markup

from matbench.present.choose import cards, has_time, peak_of, square_series
from matbench.present.figures.frame import series_label
from matbench.present.numbers import bounds
from matbench.present.report.page import environment
from matbench.present.style import DARK, LIGHT, palette

if TYPE_CHECKING:
    from matbench.analyse.rows import Row, Table
    from matbench.model import Dtype
    from matbench.present.choose import Series

__all__ = ["Interactive", "Keep", "interactive", "library", "made_anew", "prepare"]

# Has a text by name, or has it made: bundling takes a second of a processor, and its outcome is always the same.
Keep: TypeAlias = Callable[[str, Callable[[], str]], str]

EXPORT = "window.vegaEmbed = vegaEmbed;"  # what our script calls
SCRIPT = "interactive.js"  # beside the templates; reads what `interactive` writes
DIGITS = 5  # significant, of every number in the page
_BUNDLING = Lock()  # whoever comes second waits for the first


class Interactive(NamedTuple):
    """What a page has to hold."""

    html: Markup  # a block for each record
    scripts: tuple[str, ...]  # texts, to run in this order after the blocks, once a page


def made_anew(_: str, make: Callable[[], str]) -> str:
    """Keeps nothing."""
    return make()


def interactive(
    table: Table, dtype: Dtype = "float64", name: str = "interactive", keep: Keep = made_anew
) -> Interactive | None:
    """The block of a table and the scripts that bring it to life.

    Parameters
    ----------
    table
        Times, rates and speed-ups; square problems in C order are shown.
    dtype
        Element type.
    name
        Identifier of the block, different for each in a page.
    keep
        Where the library may be kept.

    Returns
    -------
    Interactive or None
        None where the extra is not installed or nothing was measured.
    """
    drawn = [one for one in square_series(table, dtype) if one.layout == "C"]
    scripts = library(keep) if drawn else None
    if scripts is None:
        return None
    made = environment()
    html = made.get_template("interactive.html.j2").render(name=name, values=_values(table, dtype, drawn))
    own = made.loader.get_source(made, SCRIPT)[0] if made.loader is not None else ""
    return Interactive(Markup(html), (scripts, own))  # noqa: S704  rendered by a template that escapes


def prepare(keep: Keep = made_anew) -> None:
    """Begin to bundle the library in the background: it takes a second of a core that drawing leaves free."""
    Thread(target=library, args=(keep,), name="bundle", daemon=True).start()


def library(keep: Keep = made_anew) -> str | None:
    """Vega, Vega-Lite and Vega-Embed as one script without imports, or None where the extra is not installed."""
    with _BUNDLING:
        return _bundled(keep)


@lru_cache(maxsize=1)
def _bundled(keep: Keep) -> str | None:
    try:
        installed = re.sub(r"[^a-zA-Z0-9.]", "-", version("vl-convert-python"))[:30]
        return keep(f"vega-{installed}-{hashlib.sha256(EXPORT.encode()).hexdigest()[:8]}.js", _made)
    except ImportError:  # the error of a version that nothing tells is one as well
        return None


def _made() -> str:
    import vl_convert  # noqa: PLC0415  an optional extra, and 80 MB of it

    # The browser must not take a piece of a string for the end of the script.
    bundle: str = vl_convert.javascript_bundle(EXPORT)
    return bundle.replace("</script", r"<\/script")


def _values(table: Table, dtype: Dtype, drawn: list[Series]) -> dict[str, object]:
    """What the script draws from: names and colours of the series, their points, the peaks."""
    light, dark = palette(cards(table), LIGHT), palette(cards(table), DARK)
    series = [
        {
            "label": series_label(one, drawn, room=4.0),
            "kernel": one.card.name,
            "threads": one.threads,
            "light": light[one.card.name].color,
            "dark": dark[one.card.name].color,
        }
        for one in drawn
    ]
    base = next((i for i, one in enumerate(drawn) if one.card.name == table.base and one.threads == 1), None)
    peaks = ((threads, peak_of(table, dtype, threads)) for threads in sorted({one.threads for one in drawn}))
    return {
        "dtype": dtype,
        "base": base,
        "matrices": any(row.rate is not None for one in drawn for row in one.rows),
        "series": series,
        "points": [_point(place, row) for place, one in enumerate(drawn) for row in one.rows if has_time(row)],
        "peaks": [[threads, _short(peak.estimate / 1e9)] for threads, peak in peaks if peak is not None],
    }


def _point(series: int, row: Row) -> list[object]:
    """Series, n, whether it rests on a prediction, then time (s), GFLOP/s and speed-up with their bounds."""
    predicted = row.extrapolated or (row.speedup is not None and row.speedup.extrapolated)
    figures = (*bounds(row.seconds), *bounds(row.rate, 1e9), *bounds(row.speedup))
    return [series, row.case.problem.n, int(row.extrapolated) + 2 * int(predicted), *map(_short, figures)]


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")
