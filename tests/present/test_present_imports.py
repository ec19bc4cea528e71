import subprocess
import sys

import pytest


def loaded(statement):
    """The modules in a fresh interpreter after `statement`."""
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_tables_and_sentences_do_not_pay_for_pictures():
    modules = ", ".join(f"matbench.present.{name}" for name in ("tables", "sentences", "crossover", "ceilings"))
    assert not {"matplotlib", "numpy", "numba", "scipy"} & loaded(f"import {modules}")


@pytest.mark.parametrize("absent", ["matplotlib.pyplot", "numba", "matbench.kernels", "matbench.measure"])
def test_pictures_load_no_window_and_nothing_that_measures(absent):
    assert absent not in loaded("import matbench.present.figures")
