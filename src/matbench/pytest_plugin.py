"""The gate as a pytest fixture: ``def test_speed(matbench_gate): matbench_gate(new, old)``; red only if slower.

A plain ``pytest`` times nothing and skips such tests; ``pytest --matbench-gate`` compares. What stays undecided is a
warning and a line in the summary, and never turns a build red unless that is asked for. Importing this module costs
nothing: all else is imported when something is compared.

One measures at a time. A test waits for the end of another's comparison, which is how those of several pytest-xdist
processes follow one another, for ten minutes or ``--matbench-patience``; then nothing is compared, and that is one more
doubt: a warning, unless ``--matbench-on-doubt`` says otherwise.

Nothing here asserts, so that it does not matter who imports it first: PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from matbench.analyse.gate import Ruling
    from matbench.model import Dtype
    from matbench.paired import Arm

__all__ = ["Gate", "GateWarning", "matbench_gate"]

PROPERTY = "matbench gate"  # under which a test's report carries its lines to the summary, from other processes as well
PATIENCE = "10min"  # for the end of other tests' comparisons: some twenty of them, before this one


class GateWarning(UserWarning):
    """A comparison that decides nothing."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the gate."""
    group = parser.getgroup("matbench", "comparisons of speed")
    group.addoption("--matbench-gate", action="store_true", help="compare what tests hand to matbench_gate")
    group.addoption("--matbench-margin", metavar="MARGIN", default=None, help="by which code may be slower (5%%)")
    group.addoption(
        "--matbench-on-doubt",
        choices=("warn", "fail", "pass"),
        default="warn",
        help="what becomes of a comparison that decides nothing (default: %(default)s)",
    )
    group.addoption(
        "--matbench-patience",
        metavar="TIME",
        default=PATIENCE,
        help="how long to wait while another matbench measures; then all is in doubt (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a time that is none before any test has run."""
    if config.getoption("matbench_gate"):
        _patience_s(config.option)


def _patience_s(options: Any) -> float:
    """How long a comparison waits for its turn, s."""
    from matbench.errors import UsageError  # noqa: PLC0415  nothing is imported until something is compared
    from matbench.units import parse_duration  # noqa: PLC0415

    try:
        return parse_duration(options.matbench_patience)
    except UsageError as error:
        raise pytest.UsageError(f"--matbench-patience: {error}") from None


@pytest.fixture
def matbench_gate(request: pytest.FixtureRequest) -> Gate:
    """Compares two ways to multiply matrices, and fails if the first is slower than demanded; see `Gate`."""
    if not request.config.getoption("matbench_gate"):
        pytest.skip("times nothing without --matbench-gate")
    return Gate(request)


class Gate:
    """Called with two arms it compares them; with one text it checks the claim that the text states.

    Parameters
    ----------
    request
        Of the test.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._node = request.node
        self._options = request.config.option

    def __call__(
        self,
        a: Arm,
        b: Arm | None = None,
        *,
        n: int | str = 256,
        at_least: float = 1.0,
        baseline: str | None = None,
        dtype: Dtype = "float64",
        threads: int = 1,
        margin: float | str | None = None,
        processes: int | None = None,
        budget_s: float = 0.0,
    ) -> tuple[Ruling, ...]:
        """What each comparison comes to, one a size; the test fails if `a` is slower than demanded, beyond the margin.

        Nothing comes back where another matbench measured all the time that it was waited for.

        Parameters
        ----------
        a, b
            Each a kernel's name, ``module:function``, ``file.py:function`` or a function of ``(a, b, out)`` or
            ``(a, b)``; or a claim alone: ``"numba_ikj is at least 100x python_lists at n=256"``.
        n
            Size of the square matrices, or sizes as `matbench pair` takes them: ``"64,256"``, ``"8x1000x1000"``.
        at_least
            Time of `b` over time of `a` that is demanded: 1 is no slower, 100 a hundred times as fast.
        baseline
            Another version in which `a` is compared with itself, in place of `b`: a checkout, a revision, a version.
        dtype, threads
            Of the operands; for each arm.
        margin
            By which the demand may be missed: 0.05 or "5%"; that of the command line by default.
        processes, budget_s
            Exactly so many; time that it may take, s.

        Raises
        ------
        UsageError
            If the request is off: an unknown name, no size, an impossible margin.
        """
        from matbench.errors import BusyError  # noqa: PLC0415  nothing is imported until something is compared
        from matbench.gates import Question, ruled, undecided  # noqa: PLC0415

        question = Question(
            a=a,
            b=b,
            n=str(n),
            at_least=at_least,
            baseline=baseline,
            dtype=dtype,
            threads=threads,
            margin=margin if margin is not None else self._options.matbench_margin,
            processes=processes,
            budget_s=budget_s,
        )
        found: tuple[Ruling, ...] = ()
        doubt = None
        try:
            found = ruled(question, patience_s=_patience_s(self._options), remark=self._remark)
        except BusyError as reason:
            doubt = undecided(reason)
        if doubt is not None:  # out of the handler: a test that fails shows no second error
            self._doubt(doubt)
        self._heed(found)
        return found

    def _remark(self, text: str) -> None:
        """Say what the verdicts do not: beside them, and as a warning."""
        self._node.user_properties.append((PROPERTY, text))
        _warn(text)

    def _doubt(self, text: str) -> None:
        """Tell that another one measured all the while, and fail or warn as for any other doubt."""
        on_doubt = self._options.matbench_on_doubt
        text = f"{text}; this test waited {self._options.matbench_patience} for it (--matbench-patience)"
        self._node.user_properties.append((PROPERTY, text))
        if on_doubt == "fail":
            pytest.fail(text, pytrace=False)
        if on_doubt == "warn":
            _warn(text)

    def _heed(self, found: tuple[Ruling, ...]) -> None:
        """Tell all of them, and only then fail or warn."""
        from matbench.present.gate import ruling_text  # noqa: PLC0415  nothing is imported until it is needed

        on_doubt = self._options.matbench_on_doubt
        red = {"fail", "none", *(["doubt"] if on_doubt == "fail" else [])}
        self._node.user_properties += [(PROPERTY, ruling_text(each)) for each in found]
        failed = [ruling_text(each) for each in found if each.outcome in red]
        if failed:
            pytest.fail("\n".join(failed), pytrace=False)
        for each in found:
            if each.outcome == "doubt" and on_doubt == "warn":
                _warn(ruling_text(each))


def _warn(text: str) -> None:
    """Warn, and go on even where warnings are errors: noise turns nothing red, and the summary tells it as well."""
    try:
        warnings.warn(GateWarning(text), stacklevel=4)
    except GateWarning:
        return


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What every comparison came to."""
    seen = (report for reports in terminalreporter.stats.values() for report in reports)
    told = [
        (report.nodeid, value)
        for report in seen
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == PROPERTY
    ]
    if not told:
        return
    terminalreporter.section("matbench gate")
    for nodeid, text in dict.fromkeys(told):
        terminalreporter.line(f"{nodeid}\n  {text}")
