"""What differs between runs, in words: hardware, software, conditions, and what to know before the figures."""

import msgspec
from compare_examples import BLAS, other, pair, record, run

from matbench.analyse.compare_facts import differing, facts_of
from matbench.model import Conditions


def test_hardware_comes_first_then_software_then_conditions():
    runs = [run(record(), "a"), run(other(python="3.13.1", conditions=Conditions(governor="powersave")), "b")]
    facts = differing(runs)
    groups = [fact.group for fact in facts]
    assert groups == sorted(groups, key=("hardware", "software", "conditions").index)
    found = {fact.name: fact.values for fact in facts}
    assert found["processor"] == ("AMD EPYC 9R14", "Intel Xeon 6975P")
    assert found["Python"] == ("3.11.7", "3.13.1")
    assert found["BLAS"] == ("openblas 0.3.30 SkylakeX", "mkl 2025.1 AVX512")


def test_equal_runs_differ_in_nothing():
    assert differing([run(record(), "a"), run(record(mark="000001"), "b")]) == ()


def test_what_only_one_run_tells_is_no_difference_but_a_variable_is():
    there = record(mark="000001", variables={"OMP_NUM_THREADS": "1"}, packages={"numpy": "2.4.6", "numba": "0.68"})
    (fact,) = differing([run(record(), "a"), run(there, "b")])
    assert (fact.name, fact.values) == ("OMP_NUM_THREADS", ("not set", "1"))


def test_another_blas_another_thread_limit_and_synthetic_runs_are_said_beforehand():
    said = " ".join(pair(None, other(variables={"OMP_NUM_THREADS": "1"}, preset="synthetic")).remarks)
    assert "BLAS" in said
    assert "OMP_NUM_THREADS" in said
    assert "synthetic" in said


def test_instruction_sets_are_told_by_what_not_all_have():
    def with_features(made, *features):
        cpu = msgspec.structs.replace(made.header.host.cpu, features=features)
        host = msgspec.structs.replace(made.header.host, cpu=cpu)
        return msgspec.structs.replace(made, header=msgspec.structs.replace(made.header, host=host))

    runs = [run(with_features(record(), "avx2", "fma"), "a"), run(with_features(record(), "avx2", "fma", "amx"), "b")]
    (fact,) = differing(runs)
    assert fact.values == ("only what all have", "also amx")


def test_the_machines_blas_is_that_of_numpy():
    assert facts_of(run(record(libraries=(BLAS, BLAS))))["software", "BLAS"] == "openblas 0.3.30 SkylakeX"


def test_a_limit_on_the_cpus_is_a_difference_that_is_told_first():
    found = pair(record(), record(mark="000001", conditions=Conditions(affinity=1)))
    assert found.is_one_machine
    assert {fact.name: fact.values for fact in found.facts}["usable CPUs"] == ("4", "1")
    assert "not all runs could use the same number of CPUs" in found.remarks
