import msgspec

from matbench.analyse.crossover import Span, compile_seconds, overtakes, winners
from matbench.analyse.rows import Interval, Row, Table
from matbench.model import Case, KernelCard, Problem


def rows_of(kernel, times, threads=1, **fields):
    card = KernelCard(kernel, "any", "any", compiled="first_call_s" in fields)
    return tuple(
        Row(Case(kernel, Problem(n, n, n), threads), card, Interval(seconds), **fields) for n, seconds in times.items()
    )


SLOW = rows_of("slow", {8: 1.0, 16: 8.0, 32: 64.0, 64: 512.0})
FAST = rows_of("fast", {8: 2.0, 16: 4.0, 32: 8.0, 64: 16.0})


def test_a_kernel_wins_from_the_size_on_from_which_it_is_always_faster():
    assert overtakes(FAST, SLOW) == 16
    assert overtakes(SLOW, FAST) is None
    wavering = rows_of("wavering", {8: 0.5, 16: 9.0, 32: 63.0, 64: 1.0})
    assert overtakes(wavering, SLOW) == 32


def test_what_is_paid_besides_moves_the_size_up():
    assert overtakes(FAST, SLOW, extra_s=50.0) == 32
    assert overtakes(FAST, SLOW, extra_s=500.0) is None


def test_sizes_that_only_one_was_measured_at_do_not_count():
    assert overtakes(rows_of("more", {4: 0.1, 32: 1.0}), SLOW) == 32
    assert overtakes(rows_of("none in common", {5: 0.1}), SLOW) is None
    assert overtakes((), SLOW) is None


def test_a_time_that_is_equal_is_no_win():
    assert overtakes(SLOW, SLOW) is None


def test_neighbouring_sizes_with_one_winner_are_joined():
    assert winners([SLOW, FAST]) == (Span("slow", 1, 8, 8), Span("fast", 1, 16, 64))


def test_compiling_changes_who_wins():
    assert winners([SLOW, FAST], {"fast": 30.0}) == (Span("slow", 1, 8, 16), Span("fast", 1, 32, 64))


def test_predictions_win_nothing():
    guessed = rows_of("guessed", {8: 0.001}, extrapolated=True)
    assert winners([guessed, SLOW])[0].kernel == "slow"
    assert winners([]) == ()


def test_compiling_is_told_by_the_longest_first_call_of_the_dtype():
    rows = rows_of("jit", {8: 1.0}, first_call_s=2.0) + rows_of("jit", {8: 1.0}, threads=2, first_call_s=3.0)
    table = Table("m", "c", "b", rows)
    assert compile_seconds(table, "float64") == {"jit": 3.0}
    assert compile_seconds(table, "float32") == {}


def test_a_first_call_of_what_is_not_compiled_is_not_compiling():
    (row,) = rows_of("plain", {8: 1.0})
    first = Row(row.case, row.card, row.seconds, first_call_s=9.0)
    assert compile_seconds(Table("m", "c", "b", (first,)), "float64") == {}


def test_thread_counts_are_told_apart():
    two = rows_of("fast", {8: 0.5, 16: 3.0, 32: 9.0, 64: 99.0}, threads=2)
    assert winners([FAST, two]) == (Span("fast", 2, 8, 16), Span("fast", 1, 32, 64))


def wide(kernel, times, by=0.5):
    return tuple(
        msgspec.structs.replace(row, seconds=Interval(t, t * (1 - by), t * (1 + by)))
        for row in rows_of(kernel, times)
        for t in [row.seconds.estimate]
    )


def test_noise_makes_no_winner():
    one, other = wide("one", {8: 1.0, 16: 2.0, 32: 3.0}), wide("other", {8: 1.1, 16: 1.9, 32: 3.1})
    assert winners([one, other]) == (Span("one", 1, 8, 32),)
    assert overtakes(one, other) == 8
    assert winners([rows_of("one", {8: 1.0, 16: 2.0}), rows_of("other", {8: 1.1, 16: 1.9})])[-1].kernel == "other"
