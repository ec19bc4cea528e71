"""The repository that the tests of the pages publish, and our tools as make calls them."""

import os
import subprocess
import sys

import pytest
from published import ROOT, make_repository


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    pytest.importorskip("asv", reason="needs asv; pip install asv")
    return make_repository(tmp_path_factory.mktemp("pages") / "repository")


@pytest.fixture(scope="session")
def tool():
    """Run one of our tools; its exit code and what it said come back."""

    def run(name, *arguments, **environ):
        command = [sys.executable, str(ROOT / "tools" / name), *map(str, arguments)]
        environ = os.environ | environ
        done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True, timeout=100)
        return done.returncode, done.stdout + done.stderr

    return run
