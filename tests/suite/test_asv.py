"""asv's adapter: what it declares, how a case gets ready, and a real run of its smallest grid."""

import importlib
import itertools
import json
import math
import re
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

pytest.importorskip("asv", reason="needs asv; pip install asv")

from asv.config import Config
from asv.util import load_json
from asv_runner.discovery import disc_benchmarks

from matbench.errors import InternalError, KernelError, UsageError
from matbench.kernels import default_registry
from matbench.measure.clock import SimulatedClock
from matbench.measure.prepare import Ready
from matbench.measure.threads import ThreadControl
from matbench.operations import PRODUCT

BENCHMARKS = {"time_matmul", "track_gflops", "peakmem_matmul", "timeraw_import"}


def unknown_keys(settings):
    return set(settings) - set(vars(Config())) - {"version"}


@pytest.fixture
def settings(root):
    return load_json(str(root / "asv.conf.json"), js_comments=True)


def test_asv_knows_every_key_of_its_settings(settings):
    assert not unknown_keys(settings)


def test_a_key_that_asv_would_ignore_is_found(settings):
    assert unknown_keys(settings | {"result_dir": "results"}) == {"result_dir"}


def test_the_settings_name_folders_of_the_repository(settings, root):
    config = Config.from_json(settings)
    assert (root / config.benchmark_dir / "bench_matmul.py").is_file()
    assert (config.results_dir, config.html_dir) == ("results/asv", ".asv/html")


@pytest.fixture(scope="module")
def suite(root):
    """The package `benchmarks`, imported for the smallest grid and forgotten afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATBENCH_PROFILE", "small")
        patch.syspath_prepend(str(root))
        yield importlib.import_module("benchmarks")
        for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def discovered(suite):
    return {each.name.rpartition(".")[2]: each for each in disc_benchmarks(suite.__path__[0])}


def test_asv_discovers_the_benchmarks_and_nothing_imported(discovered, suite):
    further = {f"time_{operation}" for operation in suite.SUITE.profile.operations}
    assert set(discovered) == BENCHMARKS | further


def test_another_operation_has_a_benchmark_with_the_product_s_parameters_and_its_own_kernels(discovered, suite):
    assert suite.SUITE.profile.operations == ("matvec", "inverse")
    for operation in (PRODUCT, *suite.SUITE.profile.operations):
        made = discovered[f"time_{operation}"]
        assert made.param_names == ["kernel", "n", "dtype", "threads"]
        assert made.version == discovered["time_matmul"].version
        assert made.timer == made._skip_tuples.clock
        if operation != PRODUCT:
            assert made._params[0] == list(default_registry(operation).names)


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_a_benchmark_has_a_version_of_its_own_and_no_hook_that_ends_calibration(discovered, name):
    made = discovered[name]
    assert len(made.version) < 10  # not the hash of its source, which any edit changes
    assert made._setups == []
    assert made._teardowns == []


def test_the_parameters_are_those_of_the_registry(discovered, suite):
    for name in BENCHMARKS - {"timeraw_import"}:
        assert discovered[name].param_names == ["kernel", "n", "dtype", "threads"]
        assert discovered[name]._params[0] == list(suite.SUITE.kernels)
    assert discovered["time_matmul"]._params[1:] == [list(suite.SUITE.sizes), ["float64"], list(suite.SUITE.threads)]


class Recorder:
    """Stands in for `prepared`: notes what is asked for and with which limits it is called."""

    def __init__(self):
        self.events = []

    def __call__(self, made, case, caches):
        del caches
        self.events.append(f"prepare {made.name} {case.problem.n}")
        return SimpleNamespace(case=case, call=self.call, limited=self.limited, batched=self.batched)

    def call(self):
        self.events.append("call")

    def batched(self, _profile):
        self.events.append("batch")
        return self.call, 4

    def limited(self):
        self.events.append("limit")
        return nullcontext()


@pytest.fixture
def recorder(suite, monkeypatch):
    monkeypatch.setattr(suite, "alone", lambda **_: nullcontext())
    return Recorder()


def test_a_case_is_ready_and_limited_before_its_first_call(suite, recorder):
    gate = suite.Gate(recorder)
    assert ("numpy_matmul", 64, "float64", 1) not in gate
    assert ("numpy_matmul", 64, "float64", 1) not in gate
    gate.call()
    assert recorder.events == ["prepare numpy_matmul 64", "limit", "call"]


def test_a_short_product_is_made_several_times_a_call_and_asv_s_clock_told_in_as_many_parts(
    suite, recorder, monkeypatch
):
    gate = suite.TimedGate(recorder)
    assert ("numpy_matmul", 64, "float64", 1) not in gate
    assert recorder.events == ["prepare numpy_matmul 64", "limit", "batch"]
    monkeypatch.setattr(suite.time, "perf_counter", lambda: 10.0)
    assert gate.products == 4
    assert gate.clock() == 2.5


def test_a_skipped_case_leaves_the_clock_as_it_is(suite, recorder, monkeypatch):
    gate = suite.TimedGate(recorder)
    assert ("python_lists", 64, "float64", 2) in gate
    monkeypatch.setattr(suite.time, "perf_counter", lambda: 10.0)
    assert gate.clock() == 10.0


def test_a_case_that_cannot_run_is_skipped_with_its_reason(suite, recorder, capsys):
    gate = suite.Gate(recorder)
    assert ("python_lists", 64, "float64", 2) in gate
    assert ("python_lists", 512, "float64", 1) in gate
    assert "runs on one thread only" in capsys.readouterr().err
    assert not recorder.events


def test_a_wrong_kernel_ends_the_process_before_it_is_timed(suite, recorder):
    def refuse(*_):
        raise KernelError("numpy_matmul is not timed: the result is wrong; mend the kernel")

    with pytest.raises(SystemExit) as ended:
        assert ("numpy_matmul", 64, "float64", 1) in suite.Gate(refuse)
    assert ended.value.code == "numpy_matmul is not timed: the result is wrong; mend the kernel"  # and no traceback
    assert not recorder.events


def test_somebody_else_who_measures_is_told_in_one_sentence(suite, recorder, monkeypatch):
    def taken(**_):
        raise UsageError("another matbench is measuring on this machine; wait for its end or stop it first")

    monkeypatch.setattr(suite, "alone", taken)
    with pytest.raises(SystemExit, match=r"^another matbench is measuring on this machine"):
        assert ("numpy_matmul", 64, "float64", 1) in suite.Gate(recorder)


def test_an_unknown_profile_is_told_in_one_sentence(root, environ):
    command = [sys.executable, "-c", "import benchmarks"]
    environ["MATBENCH_PROFILE"] = "enormous"
    done = subprocess.run(command, cwd=root, env=environ, check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert done.stderr.startswith("MATBENCH_PROFILE is 'enormous'; set it to one of small, ")
    assert done.stderr.count("\n") == 1


def test_a_runner_that_does_not_ask_first_gets_no_time(suite):
    with pytest.raises(InternalError, match="version of asv"):
        suite.Gate(lambda *_: None).call()


def test_asv_calibrates_its_loops_after_the_case_is_ready(discovered, suite, monkeypatch, recorder):
    module = sys.modules["benchmarks.bench_matmul"]
    gate = suite.TimedGate(recorder)
    monkeypatch.setattr(module, "_TIMED", gate)
    made = discovered["time_matmul"]
    monkeypatch.setattr(made, "_skip_tuples", gate)
    made._current_params = ("numpy_matmul", 64, "float64", 1)
    assert made.do_setup() is False
    assert recorder.events == ["prepare numpy_matmul 64", "limit", "batch"]
    assert made.do_run()["number"] > 100  # a call that takes nothing fills the shortest sample many times over


def test_the_timed_benchmark_s_clock_is_that_of_its_gate(discovered):
    module = sys.modules["benchmarks.bench_matmul"]
    assert discovered["time_matmul"].timer == module._TIMED.clock
    assert discovered["time_matmul"]._skip_tuples is module._TIMED


def test_asv_tells_the_time_of_one_product_however_many_a_call_makes(discovered, suite, monkeypatch):
    """asv's own loop, on a clock that stands still but for 700 ns a product: nothing of asv's is in the result."""
    module, wall = sys.modules["benchmarks.bench_matmul"], SimulatedClock()
    case = suite.SUITE.case("numpy_matmul", 64, "float64", 1)

    def prepare(made, case, caches):
        del made, caches
        ready = Ready(case, lambda: wall.advance(700), 0.0, ThreadControl())
        return SimpleNamespace(
            case=case, call=ready.call, limited=nullcontext, batched=lambda profile: ready.batched(profile, wall)
        )

    def seconds():
        return wall.wall_ns() * 1e-9

    monkeypatch.setattr(suite, "alone", lambda **_: nullcontext())
    monkeypatch.setattr(suite.time, "perf_counter", seconds)
    monkeypatch.setattr(sys.modules["asv_runner.benchmarks.time"], "wall_timer", seconds)
    gate = suite.TimedGate(prepare)
    monkeypatch.setattr(module, "_TIMED", gate)
    made = discovered["time_matmul"]
    monkeypatch.setattr(made, "_skip_tuples", gate)
    monkeypatch.setattr(made, "_attr_sources", [SimpleNamespace(timer=gate.clock), *made._attr_sources])
    made._current_params = (case.kernel, case.problem.n, case.problem.dtype, case.threads)
    assert made.do_setup() is False
    assert gate.products > 20
    done = made.do_run()
    assert done["samples"] == pytest.approx([700e-9] * len(done["samples"]))
    shortest_ns = suite.SUITE.profile.limits.sample_ns
    assert shortest_ns <= done["number"] * gate.products * 700 <= 2 * shortest_ns


# -- for real ---------------------------------------------------------------------------------------------------------


def asv(folder, environ, *arguments):
    command = [sys.executable, "-m", "asv", *arguments, "--config", str(folder / "asv.conf.json")]
    done = subprocess.run(command, cwd=folder, env=environ, check=False, capture_output=True, text=True, timeout=200)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path, root, settings, environ):
    """A repository with one commit, and our settings with folders of its own: nothing is written into the checkout."""
    made = tmp_path / "repo"
    made.mkdir()
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    for step in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *step], cwd=made, env=environ, check=True)
    own = {"repo": str(made), "benchmark_dir": str(root / "benchmarks"), "version": 1}
    (made / "asv.conf.json").write_text(json.dumps(settings | own))
    code, said = asv(made, environ, "machine", "--yes", "--machine", "testbox")
    assert code == 0, said
    return made


CELLS = (
    r"time_matmul\(.*, 64, 'float64', 1\)",
    r"time_matmul\('(numpy_matmul|numba_parallel)', 64, 'float64', 2\)",
    r"time_matmul\('python_lists', 512, 'float64', 1\)",
    r"track_gflops\('numpy_matmul', 512, 'float64', 1\)",
    r"peakmem_matmul\('numpy_matmul'",
    r"timeraw_import\('matbench'\)",
)


@pytest.mark.xdist_group("measure")
def test_a_real_run_times_every_kernel_or_says_why_not(folder, environ, suite):
    code, said = asv(folder, environ, "check", "--python=same")
    assert code == 0, said
    chosen = itertools.chain.from_iterable(("--bench", cell) for cell in CELLS)
    _, said = asv(
        folder,
        environ,
        "run",
        "--python=same",
        "--set-commit-hash",
        "HEAD",
        "--machine",
        "testbox",
        "--show-stderr",
        *chosen,
    )
    assert "plugin_wrong is not timed: the result is wrong" in said
    assert "too long for this preset" in said
    results = read_results(folder / "results" / "asv" / "testbox")
    assert results["bench_matmul.time_matmul"]["version"] == "1"

    times = cells(results["bench_matmul.time_matmul"])
    alone = {kernel: each for (kernel, n, _, threads), each in times.items() if (n, threads) == (64, 1)}
    # Other tests of this process may have loaded more BLAS libraries, which asv's own processes do not.
    here = {kernel for kernel in suite.SUITE.kernels if not re.fullmatch(r"blas_.*_\d+", kernel)}
    assert set(alone) == {*here, "plugin_right", "plugin_wrong"}
    assert alone.pop("plugin_wrong")["result"] is None
    for kernel, each in alone.items():
        assert each["result"] > 0, kernel
        # Loops were calibrated: a kernel that takes microseconds was called many times a sample.
        assert each["number"] >= (2 if kernel.startswith(("numba_ikj", "numpy_matmul")) else 1), kernel
    assert times["numpy_matmul", 64, "float64", 2]["result"] > 0
    assert math.isnan(times["python_lists", 512, "float64", 1]["result"])

    assert cells(results["bench_matmul.track_gflops"])["numpy_matmul", 512, "float64", 1]["result"] > 0
    assert cells(results["bench_matmul.peakmem_matmul"])["numpy_matmul", 64, "float64", 1]["result"] > 2**20
    assert cells(results["bench_matmul.timeraw_import"])["matbench",]["result"] > 0

    code, said = asv(folder, environ, "show", "HEAD")
    assert code == 0, said
    assert "time_matmul" in said
    code, said = asv(folder, environ, "publish")
    assert code == 0, said
    pages = folder / ".asv" / "html"
    assert (pages / "index.html").is_file()
    assert list((pages / "graphs").rglob("*time_matmul.json"))


def read_results(machine):
    (path,) = (each for each in machine.glob("*.json") if each.name != "machine.json")
    found = json.loads(path.read_text())
    return {name: dict(zip(found["result_columns"], values, strict=False)) for name, values in found["results"].items()}


def cells(benchmark):
    """Parameters -> result and loops of those combinations that were asked for."""
    count = math.prod(len(values) for values in benchmark["params"])
    numbers = benchmark.get("stats_number") or [None] * count
    values = [[json.loads(value.replace("'", '"')) for value in each] for each in benchmark["params"]]
    return {
        key: {"result": result, "number": number}
        for key, result, number in zip(itertools.product(*values), benchmark["result"], numbers, strict=True)
    }
