"""Credit in a game, by the laws that define it: with and without orders that make no sense."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matbench.analyse.shapley import shapley, shares

PLAYERS = "abcde"


def family_of(needs):
    """All sets of players in which none lacks what it needs."""
    return [
        frozenset(chosen)
        for size in range(len(needs) + 1)
        for chosen in itertools.combinations(needs, size)
        if all(needs[each] <= set(chosen) for each in chosen)
    ]


def orders_of(needs):
    """All orders in which nobody comes before what it needs."""
    for order in itertools.permutations(needs):
        if all(needs[each] <= set(order[:place]) for place, each in enumerate(order)):
            yield order


def average_over_orders(worth, orders):
    """The definition: what each adds to those before it, on the average."""
    total, count = dict.fromkeys(PLAYERS, 0.0), 0
    for order in orders:
        count += 1
        for place, each in enumerate(order):
            total[each] += worth[frozenset(order[: place + 1])] - worth[frozenset(order[:place])]
    return {each: total[each] / count for each in order}


@st.composite
def precedences(draw):
    """What each of some players needs: any of those before it."""
    players = PLAYERS[: draw(st.integers(1, len(PLAYERS)))]
    return {
        each: frozenset(draw(st.sets(st.sampled_from(players[:place])))) if place else frozenset()
        for place, each in enumerate(players)
    }


@st.composite
def games(draw, needs=None):
    """What each needs, and what every coalition is worth."""
    needs = draw(precedences()) if needs is None else needs
    family = family_of(needs)
    worths = draw(st.lists(st.floats(-100, 100), min_size=len(family), max_size=len(family)))
    return needs, dict(zip(family, worths, strict=True))


FREE = {each: frozenset() for each in PLAYERS[:4]}


@given(games())
def test_credit_sums_to_what_all_are_worth_less_what_none_is(game):
    _, worth = game
    everyone = max(worth, key=len)
    assert math.fsum(shapley(worth).values()) == pytest.approx(worth[everyone] - worth[frozenset()], abs=1e-9)


@given(games())
@settings(max_examples=60)
def test_credit_is_the_average_over_all_orders_that_make_sense(game):
    needs, worth = game
    orders = list(orders_of(needs))
    assert shares(worth).orders == len(orders)
    assert shapley(worth) == pytest.approx(average_over_orders(worth, orders), abs=1e-9)


@given(games(FREE))
@settings(max_examples=40)
def test_without_constraints_it_is_the_classical_value(game):
    _, worth = game
    count = len(FREE)
    due = {
        each: math.fsum(
            math.factorial(len(others)) * math.factorial(count - len(others) - 1) / math.factorial(count)
            * (worth[others | {each}] - worth[others])
            for others in worth
            if each not in others
        )
        for each in FREE
    }  # fmt: skip
    assert shapley(worth) == pytest.approx(due, abs=1e-9)


@given(games(), st.data())
def test_a_player_that_adds_nothing_to_anybody_gets_nothing(game, data):
    needs, worth = game
    idle = data.draw(st.sampled_from(sorted(needs)))
    worth = {each: worth.get(each - {idle}, 0.0) for each in worth}
    adds = [worth[each] - worth[each - {idle}] for each in worth if idle in each and each - {idle} in worth]
    assert not any(adds)
    assert shapley(worth)[idle] == pytest.approx(0, abs=1e-9)


@given(games({"a": frozenset(), "b": frozenset("a"), "c": frozenset("a"), "d": frozenset("bc")}))
def test_players_that_can_change_places_get_the_same(game):
    _, worth = game

    def swapped(coalition):
        return frozenset({"b": "c", "c": "b"}.get(each, each) for each in coalition)

    alike = {each: (worth[each] + worth[swapped(each)]) / 2 for each in worth}
    credit = shapley(alike)
    assert credit["b"] == pytest.approx(credit["c"], abs=1e-9)


@given(st.data())
def test_credit_in_a_sum_of_games_is_the_sum_of_the_credits(data):
    needs, first = data.draw(games())
    _, second = data.draw(games(needs))
    both = shapley({each: first[each] + 3 * second[each] for each in first})
    one, other = shapley(first), shapley(second)
    assert both == pytest.approx({each: one[each] + 3 * other[each] for each in needs}, abs=1e-8)


def test_a_chain_leaves_one_order_and_gives_each_what_it_adds():
    worth = {frozenset("abc"[:count]): float(count**2) for count in range(4)}
    assert shares(worth).orders == 1
    assert shapley(worth) == {"a": 1.0, "b": 3.0, "c": 5.0}


@pytest.mark.parametrize("family", [[], [frozenset()], [frozenset(), frozenset("ab")], [frozenset("a")]])
def test_where_no_order_leads_from_nobody_to_everybody_there_is_no_credit(family):
    assert not shapley(dict.fromkeys(family, 1.0))
