"""Credit in a game: what each player adds, on the average over all orders in which the players can come.

Source: Shapley, A value for n-person games, 1953; Faigle and Kern, The Shapley value for cooperative games under
precedence constraints, International Journal of Game Theory 21 (1992) 249.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

__all__ = ["Coalition", "Shares", "shapley", "shares"]


Coalition: TypeAlias = frozenset[str]


class Shares(NamedTuple):
    """How the credit for each idea is put together from what coalitions are worth.

    Attributes
    ----------
    orders
        In how many orders the ideas can be added, every beginning of which is a coalition there is.
    weights
        For each idea the weight of each coalition; credit is the sum of weight times worth.
    """

    orders: int
    weights: dict[str, dict[Coalition, float]]


def shares(family: Iterable[Coalition]) -> Shares:
    """The weights of the Shapley value over the orders that a family of coalitions allows.

    Parameters
    ----------
    family
        The coalitions there are, among them the empty one and that of all ideas. Where all subsets are, the value is
        the classical one.

    Returns
    -------
    Shares
        Without any weights where no order leads from the empty coalition to that of all ideas.

    Examples
    --------
    >>> found = shares([frozenset(), frozenset("a"), frozenset("ab")])
    >>> found.orders, {idea: sum(map(abs, found.weights[idea].values())) for idea in "ab"}
    (1, {'a': 2.0, 'b': 2.0})
    """
    there = set(family)
    everyone = frozenset().union(*there)
    rising = sorted(there, key=len)
    below = {each: int(not each) for each in rising}  # ways from nobody to it
    above = {each: int(each == everyone) for each in rising}  # ways from it to everybody
    steps = [(each - {idea}, idea, each) for each in rising for idea in sorted(each) if each - {idea} in there]
    for before, _, after in steps:
        below[after] += below[before]
    for before, _, after in reversed(steps):
        above[before] += above[after]
    orders = below.get(everyone, 0)
    if not orders:
        return Shares(0, {})
    weights: dict[str, dict[Coalition, float]] = {idea: defaultdict(float) for idea in sorted(everyone)}
    for before, idea, after in steps:
        weight = below[before] * above[after] / orders
        weights[idea][after] += weight
        weights[idea][before] -= weight
    return Shares(orders, {idea: dict(found) for idea, found in weights.items()})


def shapley(worth: Mapping[Coalition, float]) -> dict[str, float]:
    """Credit for each idea: what it adds, on the average over all orders in which the ideas can be added.

    Parameters
    ----------
    worth
        Of each coalition there is; every order of which all beginnings are among them counts, all alike.

    Returns
    -------
    dict
        Credit by idea; it sums to the worth of all ideas less that of none.

    Examples
    --------
    >>> worth = {frozenset(): 0.0, frozenset("a"): 1.0, frozenset("b"): 0.0, frozenset("ab"): 4.0}
    >>> shapley(worth)
    {'a': 2.5, 'b': 1.5}
    """
    return {
        idea: math.fsum(weight * worth[each] for each, weight in weights.items())
        for idea, weights in shares(worth).weights.items()
    }
