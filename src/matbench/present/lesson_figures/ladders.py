"""The suite's own figures of the ladder, with their words, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matbench.errors import UsageError
from matbench.present import figures
from matbench.present.choose import headline_problem
from matbench.present.lesson_figures.picture import Picture, picture

if TYPE_CHECKING:
    from matbench.analyse.attribution import Attribution
    from matbench.analyse.rows import Table

__all__ = ["credit", "ladder"]


def ladder(table: Table) -> Picture:
    """The ladder at the size that was measured, rung by rung.

    Parameters
    ----------
    table
        As `matbench.quick` returns it.

    Raises
    ------
    UsageError
        If nothing was measured.
    """
    problem = headline_problem(table)
    if problem is None:
        raise UsageError("nothing was measured, so there is nothing to draw; give matbench.quick a longer budget")
    figure = figures.draw("ladder", table, problem=problem)
    return picture(figure, "The ladder", figures.alt_text("ladder", table, problem=problem))


def credit(attribution: Attribution) -> Picture:
    """The climb as it is told, and beside it what each idea is worth whatever the order.

    Parameters
    ----------
    attribution
        As `matbench.kept.own_attribution` finds it.
    """
    return picture(figures.draw_credit(attribution), "What made it fast", figures.alt_credit(attribution))
