"""pytest-benchmark's adapter: times nothing unless asked to, and a real run of its smallest grid."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("pytest_benchmark", reason="needs pytest-benchmark; pip install pytest-benchmark")


def run_pytest(root, environ, *arguments):
    command = [sys.executable, "-m", "pytest", "tests/speed", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=root, env=environ, check=False, capture_output=True, text=True, timeout=200)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["alone", "distributed"])
def test_a_plain_pytest_times_nothing(root, environ, arguments):
    code, said = run_pytest(root, environ, "-q", *arguments)
    assert code == pytest.ExitCode.NO_TESTS_COLLECTED, said


def test_an_unknown_profile_is_told_in_one_sentence(root, environ):
    environ["MATBENCH_PROFILE"] = "enormous"
    _, said = run_pytest(root, environ, "--benchmark-only", "--collect-only")
    assert "MATBENCH_PROFILE is 'enormous'; set it to one of small, standard, full, agreement" in said


@pytest.fixture
def written(root, environ, tmp_path):
    """What a real run of the smallest size wrote, and what it said."""
    path = tmp_path / "speed.json"
    code, said = run_pytest(root, environ, "--benchmark-only", f"--benchmark-json={path}", "-k", "64-float64")
    assert code == pytest.ExitCode.TESTS_FAILED, said  # the plugin's wrong kernel
    return json.loads(path.read_text()), said


@pytest.mark.xdist_group("measure")
def test_a_real_run_times_every_right_kernel_and_fails_the_wrong_one(written):
    found, said = written
    assert "plugin_wrong is not timed: the result is wrong" in said
    assert "1 failed" in said
    timed = {(each["params"]["kernel"], each["params"]["threads"]): each for each in found["benchmarks"]}
    kernels = {kernel for kernel, _ in timed}
    assert {"python_lists", "numpy_einsum", "numpy_matmul", "plugin_right"} <= kernels
    assert "plugin_wrong" not in kernels
    assert {each["group"] for each in timed.values()} == {"float64, n = 64"}
    assert "node" not in found["machine_info"]

    base = timed["python_lists", 1]["extra_info"]
    for (kernel, _), each in timed.items():
        told = each["extra_info"]
        assert told["gflops"] == pytest.approx(2 * 64**3 / each["stats"]["median"] * 1e-9), kernel
        assert told["speedup"] == pytest.approx(told["gflops"] / told["base_gflops"]), kernel
        assert (told["base"], told["base_threads"]) == ("python_lists", 1)
        assert told["base_gflops"] == base["base_gflops"]  # one base for the whole group
        assert 0 <= told["error"] <= 1
        assert each["stats"]["rounds"] >= 3
    assert timed["numpy_matmul", 1]["stats"]["iterations"] > 1  # loops were calibrated, not counted by hand
