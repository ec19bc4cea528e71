"""A plugin with a right and a wrong kernel, so that both adapters are seen to take in what they have not heard of."""

import os
from pathlib import Path

import pytest

PLUGIN = """
from matbench.kernels import Rung, kernel

@kernel("plugin_right", rung=Rung.NUMPY, idea="one product a column", gflops=1.0)
def plugin_right(a, b, out):
    for j in range(b.shape[1]):
        out[:, j] = a @ b[:, j]

@kernel("plugin_wrong", rung=Rung.NUMPY, idea="forgets a column of large products", gflops=1.0)
def plugin_wrong(a, b, out):
    plugin_right(a, b, out)
    if len(a) > 40:
        out[:, -1] = 0
"""


@pytest.fixture(scope="session")
def root():
    return Path(__file__).parents[2]


@pytest.fixture
def environ(tmp_path):
    """Environment of a fresh process: the smallest grid, the plugin, and a home and a lock of its own."""
    site, home = tmp_path / "site", tmp_path / "home"
    info = site / "plugged-1.0.dist-info"
    info.mkdir(parents=True)
    home.mkdir()
    (site / "plugged.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[matbench.kernels]\nplugged = plugged\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_", "MATBENCH_"))}
    # asv drops PYTHONPATH in favour of a variable of its own.
    own = {"PYTHONPATH": str(site), "ASV_PYTHONPATH": str(site), "HOME": str(home), "TMPDIR": str(home)}
    return kept | own | {"MATBENCH_PROFILE": "small"}
