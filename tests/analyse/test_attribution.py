"""Credit for each idea, from invented records whose truth is known."""

import math

import msgspec
import pytest
from attribution_examples import FACTORS, FOOT_S, TOLD, WORDS, arm_of, invented, samples_of, seconds_of
from hypothesis import given
from hypothesis import strategies as st

from matbench.analyse.attribution import attribute, attributions, is_attribution, nearest
from matbench.errors import RecordError
from matbench.model import Block, Case, Conditions, End, Measurement, Problem, Samples

RECORD = invented()
END = End(finished="2026-01-01T00:00:00Z", elapsed_s=60.0, conditions=Conditions())


def changed(record, arm, **changes):
    """The record with the measurements of one arm changed."""
    return msgspec.structs.replace(
        record,
        measurements=tuple(
            msgspec.structs.replace(each, **changes) if (each.case.kernel, each.case.threads) == arm else each
            for each in record.measurements
        ),
    )


NONE = frozenset()
TOTAL = math.prod(FACTORS.values())


def test_credits_and_told_factors_both_multiply_to_the_total():
    found = attribute(invented(noise=0.1, drift=0.5))
    for way in ("factor", "told"):
        product = math.prod(getattr(each, way).estimate for each in found.credits)
        assert product == pytest.approx(found.total.estimate)


def test_an_idea_that_always_multiplies_alike_is_credited_with_just_that():
    found = {each.idea: each for each in attribute(invented()).credits}
    for idea in set(FACTORS) - {"simd", "tile"}:
        assert found[idea].factor.estimate == pytest.approx(FACTORS[idea], rel=1e-6)
        assert found[idea].told.estimate == pytest.approx(FACTORS[idea], rel=1e-6)


def test_ideas_that_need_each_other_share_what_they_are_worth_together():
    found = {each.idea: each for each in attribute(invented()).credits}
    assert found["simd"].told.estimate == pytest.approx(4.0, rel=1e-6)
    assert found["tile"].told.estimate == pytest.approx(3.0, rel=1e-6)
    together = found["simd"].factor.estimate * found["tile"].factor.estimate
    assert together == pytest.approx(12.0, rel=1e-6)
    assert 4.0 < found["simd"].factor.estimate < 12.0


def test_the_told_order_climbs_from_the_foot_to_the_top():
    found = attribute(invented())
    assert [each.idea for each in found.credits] == list(TOLD)
    assert [each.idea for each in found.steps] == [None, *TOLD]
    assert [each.words for each in found.steps] == ["the foot", *(WORDS[each] for each in TOLD[:-1]), "cores"]
    assert [each.threads for each in found.steps] == [1] * len(TOLD) + [4]
    rates = [each.rate.estimate for each in found.steps]
    for before, after, credit in zip(rates, rates[1:], found.credits, strict=False):
        assert after / before == pytest.approx(credit.told.estimate)
    assert rates[0] == pytest.approx(2 * 64**3 / FOOT_S)
    assert found.peak_share.estimate == pytest.approx(rates[-1] / 1e9)
    assert found.total.estimate == pytest.approx(TOTAL, rel=1e-6)


def test_it_says_on_what_it_rests():
    found = attribute(invented())
    assert (found.measured, found.predicted, found.rounds) == (51, 0, 18)
    assert (found.n, found.dtype, found.threads, found.base) == (64, "float64", 4, "the foot")
    assert found.orders == 720


def test_what_the_machine_does_to_a_whole_round_costs_no_certainty():
    quiet, driving = attribute(invented(noise=0.01)), attribute(invented(noise=0.01, drift=0.5))
    for before, after in zip(quiet.credits, driving.credits, strict=True):
        assert after.factor.high / after.factor.low < 1.05
        assert after.factor.low == pytest.approx(before.factor.low, rel=0.05)


def test_intervals_hold_the_estimate_and_the_truth():
    found = attribute(invented(noise=0.03))
    for each in found.credits:
        assert each.factor.low <= each.factor.estimate <= each.factor.high
        assert each.told.low <= FACTORS[each.idea] * 1.05
        assert each.told.high >= FACTORS[each.idea] / 1.05


def test_fewer_rounds_than_an_interval_takes_give_none():
    found = attribute(invented(processes=1, rounds=5))
    assert found.rounds == 5
    assert {each.factor.low for each in found.credits} == {None}
    assert found.total.high is None


def test_a_round_that_lacks_a_combination_is_not_one_of_those_it_rests_on():
    record = invented()
    arm = arm_of(frozenset({"compile"}))
    few = samples_of([seconds_of(frozenset({"compile"}))] * 2, [(0, 0), (3, 1)])
    assert attribute(changed(record, arm, samples=few)).rounds == 2


def test_a_foot_that_takes_minutes_is_predicted_from_its_rows_and_widens_what_depends_on_it():
    slow = (NONE, frozenset({"order"}))
    found = attribute(invented(n=256, noise=0.01, slow=slow))
    assert (found.measured, found.predicted) == (49, 2)
    assert [each.predicted for each in found.steps] == [True] + [False] * len(TOLD)
    assert found.total.estimate == pytest.approx(TOTAL, rel=0.02)
    assert found.total.high / found.total.low > 2
    by_name = {each.idea: each.factor for each in found.credits}
    assert by_name["compile"].high / by_name["compile"].low > 1.5
    assert by_name["simd"].high / by_name["simd"].low < 1.05


def test_on_one_processor_cores_are_no_idea():
    record = invented()
    block = record.header.plan.blocks[-1]
    alone = tuple(arm for arm in block.arms if arm[1] == 1)
    plan = msgspec.structs.replace(record.header.plan, blocks=(msgspec.structs.replace(block, arms=alone),))
    header = msgspec.structs.replace(record.header, plan=plan)
    found = attribute(msgspec.structs.replace(record, header=header))
    assert [each.idea for each in found.credits] == list(TOLD[:-1])
    assert (found.threads, found.peak_share) == (1, None)


@pytest.mark.parametrize("outcome", ["wrong", "skipped"])
def test_a_combination_that_was_not_measured_is_named_with_its_reason(outcome):
    arm = arm_of(frozenset({"compile", "order", "fma"}))
    record = changed(invented(), arm, samples=Samples(), outcome=outcome, reason="there was no time")
    with pytest.raises(RecordError, match=r"no time of ideas.compile.order.fma \(there was no time\); measure anew"):
        attribute(record)
    assert attributions([record]) == ()
    assert is_attribution(record)


def test_a_run_of_the_ladder_is_no_attribution():
    record = invented()
    block = Block(Problem(8, 8, 8), (("numpy_matmul", 1),))
    plan = msgspec.structs.replace(record.header.plan, blocks=(block,))
    other = msgspec.structs.replace(record, header=msgspec.structs.replace(record.header, plan=plan))
    assert not is_attribution(other)
    with pytest.raises(RecordError, match="holds no combinations of ideas; measure them: matbench explain"):
        attribute(other)


def test_a_plan_that_leaves_out_a_step_of_the_told_order_is_refused():
    record = invented()
    block = record.header.plan.blocks[-1]
    gap = arm_of(frozenset({"compile", "order"}))
    plan = msgspec.structs.replace(
        record.header.plan,
        blocks=(msgspec.structs.replace(block, arms=tuple(arm for arm in block.arms if arm != gap)),),
    )
    with pytest.raises(RecordError, match="lacks the step compile"):
        attribute(msgspec.structs.replace(record, header=msgspec.structs.replace(record.header, plan=plan)))


def test_the_nearest_in_size_of_this_machine_and_dtype_is_chosen_the_newest_of_several():
    old, new = (invented(n=64, created=f"2026-01-0{day}T00:00:00Z") for day in (1, 2))
    large, narrow, foreign = invented(n=1024), invented(dtype="float32"), invented(host="there")
    found = attributions([old, large, new, narrow, foreign])
    assert next(each.created for each in found if each.n == 64) == "2026-01-02T00:00:00Z"
    assert nearest(found, "here", "float64", 100).created == "2026-01-02T00:00:00Z"
    assert nearest(found, "here", "float64", 700).n == 1024
    assert nearest(found, "here", "float32", 700).n == 64
    assert nearest(found, "nowhere", "float64", 64) is None
    assert nearest(attributions([invented(host="unknown")]), "unknown", "float64", 64) is None


def told(record, arms):
    """The record with a plan of these combinations alone, all of them timed alike."""
    problem = record.header.plan.blocks[-1].problem
    times = record.measurements[0].samples
    plan = msgspec.structs.replace(record.header.plan, blocks=(Block(problem, arms),))
    header = msgspec.structs.replace(record.header, plan=plan)
    measurements = tuple(Measurement(Case(name, problem, threads), samples=times) for name, threads in arms)
    return msgspec.structs.replace(record, header=header, measurements=measurements)


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        ((("ideas.none", 1), ("ideas.compile", 1), ("ideas.order", 1)), "lacks the combination of all ideas"),
        ((("ideas.none", 1), ("ideas.simd.simd", 1)), "tells an idea or a combination of them twice"),
        ((("ideas.none", 1), ("ideas.a", 1), ("ideas.a.b", 1), ("ideas.b.a", 1)), "a combination of them twice"),
        ((("ideas.none", 1), ("ideas.threads", 1), ("ideas.threads", 4)), "a combination of them twice"),
        ((("ideas.none", 4), ("ideas.compile", 4)), "lacks the step none"),
        ((("ideas.", 1),), "lacks the step none"),
    ],
)
def test_a_stranger_s_record_that_makes_no_game_is_refused_in_a_sentence(arms, words):
    record = told(invented(), arms)
    with pytest.raises(RecordError, match=words):
        attribute(record)
    assert attributions([record, invented(n=128)])[0].n == 128


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["none", "compile", "order", "simd", "threads", ""]), min_size=1, max_size=4),
            st.sampled_from([1, 2, 4]),
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda arm: (tuple(arm[0]), arm[1]),
    )
)
def test_whatever_combinations_a_file_tells_there_is_an_attribution_or_a_sentence(arms):
    record = told(RECORD, tuple((".".join(["ideas", *ideas]), threads) for ideas, threads in arms))
    assert len(attributions([record])) <= 1


def test_another_operation_s_record_holds_no_combinations():
    record = invented()
    block = record.header.plan.blocks[-1]
    other = msgspec.structs.replace(block, problem=msgspec.structs.replace(block.problem, operation="inverse"))
    plan = msgspec.structs.replace(record.header.plan, blocks=(other,))
    record = msgspec.structs.replace(record, header=msgspec.structs.replace(record.header, plan=plan))
    with pytest.raises(RecordError, match="holds no combinations of ideas"):
        attribute(record)


def test_one_that_was_interrupted_does_not_replace_a_whole_one_of_its_size():
    whole = msgspec.structs.replace(invented(created="2026-01-01T00:00:00Z"), end=END)
    later, larger = (invented(n=n, created="2026-01-02T00:00:00Z") for n in (64, 128))
    narrow = invented(dtype="float32", created="2026-01-02T00:00:00Z")
    foreign = invented(host="there", created="2026-01-02T00:00:00Z")
    found = attributions([whole, later, larger, narrow, foreign])
    assert len(found) == 4
    assert nearest(found, "here", "float64", 64).created == whole.header.created
    assert nearest(found, "here", "float64", 128).n == 128
    assert nearest(attributions([later]), "here", "float64", 64) is not None


def test_it_says_of_how_many_processes_its_rounds_are():
    assert attribute(invented()).processes == 6
    assert attribute(invented(processes=1, rounds=9)).processes == 1
