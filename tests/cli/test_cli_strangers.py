"""A record from a stranger writes nowhere but in the results folder, and says nothing to the terminal but text."""

from __future__ import annotations

import json

import pytest
from cli_driver import complains, lines_of

from matbench.cli import console

pytestmark = pytest.mark.xdist_group("measure")


def forged(path, target, **header):
    lines = lines_of(path)
    lines[0] |= header
    target.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return target


@pytest.mark.parametrize("header", [{"machine": "../../outside"}, {"id": ".."}, {"machine": "/outside"}])
def test_figures_never_leave_the_results_folder(user, tiny, header):
    path = forged(tiny.path, user.folder / "forged.jsonl", **header)
    before = sorted(each.name for each in user.folder.parent.iterdir())
    complains(user.does("plot", path.name))
    assert user.files == ["forged.jsonl"]
    assert sorted(each.name for each in user.folder.parent.iterdir()) == before


def test_control_characters_of_a_record_do_not_reach_the_terminal(user, tiny):
    header = lines_of(tiny.path)[0]
    plan = {**header["plan"], "command": "matbench \x1b[2J\x07run"}
    path = forged(tiny.path, user.folder / "forged.jsonl", plan=plan)
    done = user.does("show", path.name)
    assert done.code == 0
    assert not {"\x1b", "\x07"} & set(done.out + done.err)


@pytest.mark.parametrize(
    "option", [("--preset", "full"), ("--kernels", "numba_*"), ("--budget", "60s"), ("--seed", "2")]
)
def test_a_run_that_goes_on_keeps_its_plan(user, option):
    complains(user.does("run", "--resume", *option), f"leave out {option[0]}")


@pytest.mark.parametrize("say", [console.note, console.hint, console.warn, console.error])
def test_no_message_gives_the_terminal_an_order(capsys, say):
    say("two\nlines \x1b]0;owned\x07 \x9b2J\r\u202e")
    assert capsys.readouterr().err.partition("two")[2] == "\nlines ?]0;owned? ?2J??\n"
