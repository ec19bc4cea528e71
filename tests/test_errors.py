"""Messages are one sentence, and name no path of whoever runs them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matbench.errors import InternalError, UsageError, without_paths


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('File "/home/ada/kernels/fast.py", line 3', 'File "fast.py", line 3'),
        ("/home/ada/libfoo.so: cannot open shared object file", "libfoo.so: cannot open shared object file"),
        (r"C:\Users\ada\lib\foo.dll not found", "foo.dll not found"),
        ("no path at all", "no path at all"),
        ("a / b", "a / b"),
    ],
)
def test_a_path_is_cut_down_to_its_last_name(text, shown):
    assert without_paths(text) == shown


@given(st.text(max_size=300))
def test_any_text_passes_through(text):
    assert "/home/ada" not in without_paths(f"{text}/home/ada/x")


def test_a_notebook_shows_the_sentence_alone_unless_it_is_our_fault():
    assert UsageError("no lesson 9; there are 1 to 5")._render_traceback_() == [
        "UsageError: no lesson 9; there are 1 to 5"
    ]
    assert "InternalError: mine" in "".join(InternalError("mine")._render_traceback_())
