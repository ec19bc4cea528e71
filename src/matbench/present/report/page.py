"""One offline HTML page: a template, its styles and scripts inlined, and a policy that forbids all else."""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from matbench.present.words import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["compose", "data_uri", "environment"]

OURS = "matbench.present.report"
LONGEST = 2000  # characters of a text, as a record's schema has it
# Nothing is fetched, and no script runs but those of ours whose hashes follow. Styles are all in the page.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; script-src"
UNPACK = "unpack.js"  # runs what is compressed


def _tidy(value: object) -> object:
    """What a template puts out: foreign text on one line, without control and direction characters."""
    return clean(value, LONGEST) if isinstance(value, str) and not isinstance(value, Markup) else value


@lru_cache(maxsize=4)
def environment(package: str = OURS) -> Environment:
    """What renders templates: all text is escaped and made printable, a name that is missing is an error.

    Parameters
    ----------
    package
        Whose ``templates`` folder is looked into before ours, where ``page.html.j2`` lies.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(each) for each in dict.fromkeys((package, OURS))]),
        autoescape=True,
        finalize=_tidy,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["short"] = clean
    return made


def data_uri(text: str, kind: str) -> str:
    """`text` as the address of a link that needs no network; it may stand in an attribute as it is.

    Parameters
    ----------
    text
        What the link brings, as UTF-8.
    kind
        Its media type, ``text/csv``.

    Examples
    --------
    >>> data_uri('a,"<b>",2', "text/csv")
    'data:text/csv;charset=utf-8,a,%22%3Cb%3E%22,2'
    """
    return f"data:{kind};charset=utf-8,{quote(text, safe=',:;/')}"


def compose(
    template: str,
    *,
    title: str,
    package: str = OURS,
    styles: Sequence[str] = ("page.css",),
    scripts: Sequence[str] = ("page.js",),
    packed: Sequence[str] = (),
    **values: object,
) -> str:
    """A whole page.

    Parameters
    ----------
    template
        Name of a template that extends ``page.html.j2``.
    title
        Of the window.
    package
        Whose templates it is among.
    styles, scripts
        Names of files beside the templates that are written into the page as they stand.
    packed
        Texts of further scripts, to run after those in their order; too large to be written as they stand.
    values
        What the template shows.
    """
    made = environment(package)
    inlined = [_source(made, name) for name in (*scripts, *([UNPACK] if packed else []))]
    allowed = [_allowed(text) for text in (*inlined, *packed)] or ["'none'"]
    return made.get_template(template).render(
        title=title,
        policy=" ".join([POLICY, *allowed]),
        styles="\n".join(_source(made, name) for name in styles),
        scripts=inlined,
        packed=[_packed(text) for text in packed],
        **values,
    )


def _source(made: Environment, name: str) -> str:
    """A file of ours as it stands; none may hold the end of the element that it is put into."""
    if made.loader is None:
        raise ValueError("an environment without a loader has no files")
    return made.loader.get_source(made, name)[0]


@lru_cache(maxsize=8)
def _allowed(script: str) -> str:
    """The word of a Content-Security-Policy that lets exactly this script run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


@lru_cache(maxsize=4)
def _packed(script: str) -> str:
    """A script compressed, the same every time, in letters that may stand in a page."""
    return base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()
