from matbench.present.crossover import crossover_table, finding_crossover, numbers_crossover


def rows(made):
    slow = [made.row(made.card(made.base), n, seconds) for n, seconds in ((8, 1.0), (16, 8.0), (32, 64.0))]
    card = made.card("jit")
    fast = [
        made.row(made.compiled(card), n, s, first_call_s=f)
        for n, s, f in ((8, 2.0, 20.0), (16, 4.0, None), (32, 8.0, None))
    ]
    return [*slow, *fast]


def test_a_rung_is_told_from_which_size_it_wins_with_and_without_compiling(made):
    told = numbers_crossover(made.table(rows(made)))
    base, jit = (dict(zip(told.columns, line, strict=True)) for line in told.rows)
    assert jit[f"not clearly slower than {made.base} from n on"] == 16
    assert jit["rung before"] == f"{made.base} on 1 thread"
    assert jit["not clearly slower than it from n on"] == 16
    assert jit["no other is clearly faster at n"] == "16 to 32"
    assert jit["first call [s]"] == 20.0
    assert jit[f"one call with compiling not clearly slower than {made.base} from n on"] == 32
    assert base[f"not clearly slower than {made.base} from n on"] is None
    assert base["no other is clearly faster at n"] == "8"


def test_the_finding_tells_than_whom_no_other_is_clearly_faster_from_where_on(made):
    assert finding_crossover(made.table(rows(made))) == (
        "In float64, of calls alone, no other is clearly faster than jit on 1 thread from n = 16 on, "
        "than python_lists on 1 thread at n = 8; where a single call has to pay for compiling, "
        "no other is clearly faster than jit on 1 thread from n = 32 on, than python_lists on 1 thread at n = 8 to 16."
    )


def test_nothing_measured_is_said(made):
    assert finding_crossover(made.table([])) == "Nothing was measured."
    assert crossover_table(made.table([])) == "Nothing was measured."


def test_than_one_rung_alone_no_other_is_faster_anywhere(made):
    table = made.table([made.row(made.card(made.base), n, 1.0) for n in (8, 16)])
    assert finding_crossover(table) == (
        "In float64, of calls alone, no other is clearly faster than python_lists on 1 thread at any size measured."
    )
    assert crossover_table(table).count("\n") == 2


def test_what_is_never_faster_is_said_to_be_so(made):
    slower = made.row(made.card("slower"), 8, 9.0)
    told = numbers_crossover(made.table([made.row(made.card(made.base), 8, 1.0), slower]))
    assert told.rows[1][2] == "no lasting win"


def test_a_size_at_which_the_base_is_only_predicted_is_marked(made):
    base = [made.row(made.card(made.base), n, s, extrapolated=n == 16) for n, s in ((8, 1.0), (16, 8.0))]
    told = numbers_crossover(made.table([*base, *(made.row(made.card("k"), n, 2.0) for n in (8, 16))]))
    assert told.rows[1][2] == "~16"
    assert told.rows[1][4] == "~16"


def test_rectangles_and_other_element_types_are_left_out(made):
    table = made.table([made.row(made.card("k"), 8, 1.0, dtype="float32")])
    assert numbers_crossover(table).rows == ()
    assert numbers_crossover(table, "float32").rows
