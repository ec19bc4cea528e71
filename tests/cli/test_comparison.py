"""What the callers of a comparison share: digests of what was compared, settings, one measuring program at a time."""

from __future__ import annotations

import pytest

from matbench.comparison import Asked, cells_of, comparing, digests, pair_header, settings_for
from matbench.errors import RecordError, UsageError
from matbench.kernels import Registry, default_registry
from matbench.measure.pairs_sources import Source, parse_arms, sent
from matbench.record.alone import alone
from matbench.record.here import Machine

SOURCE = "def f(a, b):\n    return a @ b\n"


@pytest.fixture
def registry():
    return Registry(default_registry())


def test_a_module_and_a_file_have_a_digest_of_their_source_and_a_kernel_has_none(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "matbench_test_mod.py"
    path.write_text(SOURCE, encoding="utf-8")
    arms = parse_arms(["matbench_test_mod:f", f"{path}:f", "numba_ikj"], registry)
    before = digests(arms)
    assert set(before) == {"matbench_test_mod:f", "matbench_test_mod.py:f"}
    assert len(set(before.values())) == 1
    path.write_text(SOURCE + "\n", encoding="utf-8")
    after = digests(arms)
    assert set(after) == set(before)
    assert not set(after.values()) & set(before.values())


def test_what_is_sent_has_a_digest_of_its_own():
    def one(a, b):
        return a @ b

    def other(a, b):
        return b @ a

    found = digests([sent(one), sent(other)])
    assert len(set(found.values())) == 2


def test_a_file_that_can_not_be_read_is_an_error_and_a_library_without_source_is_none(tmp_path):
    with pytest.raises(RecordError, match=r"gone\.py"):
        digests([Source("x", f"{tmp_path / 'gone.py'}:f")])
    assert digests([Source("x", "math:floor"), Source("y", "sys:exit"), Source("z", "nowhere_at_all:f")]).keys() <= {
        "x"
    }


def test_a_baseline_is_known_by_its_commit(registry):
    asked = Asked((), (Source("f@v1"),), settings_for(1), "matbench gate f", identities={"f@v1": "0123456789abcdef"})
    assert pair_header(asked, Machine()).digests == {"f@v1": "0123456789abcdef"}
    assert registry.names


@pytest.mark.parametrize(
    ("rows", "asked", "counts"), [(1, None, (12, 32)), (8, None, (15, 32)), (1, 3, (3, 3)), (8, 40, (40, 40))]
)
def test_processes_are_as_many_as_a_table_takes_or_as_were_asked_for(rows, asked, counts):
    settings = settings_for(rows, processes=asked)
    assert (settings.processes, settings.most_processes) == counts


def test_a_session_may_end_early_only_where_no_number_was_asked_for(registry):
    machine, cells = (
        Machine(),
        cells_of("numpy_rows", "numpy_outer", [(8, 8, 8)], dtype="float64", threads=[1], processors=1),
    )
    for asked, fewest in ((None, 8), (5, 5)):
        header = pair_header(Asked(cells, (), settings_for(1, processes=asked), "matbench pair"), machine)
        with comparing(header, (), registry, machine, patience_s=60.0) as session:
            assert session.fewest == fewest
            assert session.more_until_ns is not None
            assert (session.deadline_ns, session.search) == (None, ())


def test_two_do_not_measure_at_once(registry, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    machine, cells = (
        Machine(),
        cells_of("numpy_rows", "numpy_outer", [(8, 8, 8)], dtype="float64", threads=[1], processors=1),
    )
    header = pair_header(Asked(cells, (), settings_for(1), "matbench pair"), machine)
    with (
        alone(),
        pytest.raises(UsageError, match="another matbench is measuring"),
        comparing(header, (), registry, machine),
    ):
        pass
