"""`matbench lesson ..`, with Jupyter replaced by what it would be asked to do."""

import functools
import json
import re
import shlex
import sys
from types import SimpleNamespace

import pytest

from matbench.cli import lesson as command
from matbench.cli.main import main


def say(capsys, *arguments):
    """Exit code, standard output and what was said on standard error, on one line each."""
    code = main(["lesson", *arguments])
    done = capsys.readouterr()
    return code, done.out, done.err


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def installed(monkeypatch):
    """A machine that has all of Jupyter, with its kernel in the right place, and a display."""
    spec = SimpleNamespace(argv=["python"], resource_dir="kernels/python3")
    known = SimpleNamespace(get_kernel_spec=lambda _: spec)
    missing = type("NoSuchKernel", (KeyError,), {})
    fake = SimpleNamespace(KernelSpecManager=lambda: known, NoSuchKernel=missing)
    monkeypatch.setitem(sys.modules, "jupyter_client", SimpleNamespace(kernelspec=fake))
    monkeypatch.setitem(sys.modules, "jupyter_client.kernelspec", fake)
    monkeypatch.setattr(command, "find_spec", str)
    monkeypatch.setattr(command.webbrowser, "get", lambda: None)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(command, "write_notebook", written)
    monkeypatch.setattr(command.os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.delenv("MAKELEVEL", raising=False)
    machine = SimpleNamespace(spec=spec, known=known, missing=missing, called=[], waits=[0])
    monkeypatch.setattr(command.subprocess, "Popen", functools.partial(Jupyter, machine))
    return machine


class Jupyter:
    """Stands for the process: what it is asked for is kept, and it ends as `waits` says."""

    def __init__(self, machine, line):
        machine.called.append(line)
        self.waits = iter(machine.waits)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def wait(self):
        found = next(self.waits)
        if isinstance(found, BaseException):
            raise found
        return found


def written(lesson, folder):
    path = folder / f"{lesson.name}.ipynb"
    folder.mkdir(exist_ok=True)
    path.write_text("{}")
    return path


def test_the_lessons_are_listed(capsys):
    code, out, err = say(capsys, "list")
    assert code == 0
    assert "The speed test" in out
    assert "matbench lesson open 1" in err


def test_without_a_command_the_lessons_are_listed_too(capsys):
    assert say(capsys)[:2] == say(capsys, "list")[:2]


def test_the_list_can_be_read_by_programs(capsys):
    code, out, _ = say(capsys, "list", "--json")
    told = json.loads(out)
    assert code == 0
    assert [each["number"] for each in told] == [1, 2, 3, 4, 5]
    assert all(each["objectives"] and "text" not in each for each in told)


def test_a_lesson_is_copied_once(folder, capsys):
    pytest.importorskip("jupytext", reason="needs Jupytext; type: make tools")
    code, out, _ = say(capsys, "copy", "2")
    assert code == 0
    assert out.strip() == "02-the-speed-test.ipynb"
    assert json.loads((folder / "02-the-speed-test.ipynb").read_text())["cells"]
    code, out, err = say(capsys, "copy", "2")
    assert (code, out) == (2, "")
    assert "--force" in err


def test_without_jupytext_one_sentence_names_the_extra(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "jupytext", None)
    code, _, err = say(capsys, "copy", "2")
    assert code == 2
    assert "matbench-vectorization[lessons]" in err
    assert err.count("\n") == 1
    assert not list(folder.iterdir())


def test_a_lesson_that_there_is_not_is_one_sentence(capsys):
    code, _, err = say(capsys, "open", "9")
    assert code == 2
    assert err.strip() == "matbench: no lesson 9; there are 1 to 5"


def test_open_writes_the_notebook_and_starts_jupyter_on_it(folder, installed, capsys):
    code, _, _ = say(capsys, "open", "3")
    assert code == 0
    (line,) = installed.called
    assert line[:4] == [sys.executable, "-m", "jupyterlab", "03-seeing-the-mathematics.ipynb"]
    assert "--LabApp.default_url=/lab/tree/03-seeing-the-mathematics.ipynb" in line
    assert (folder / line[3]).exists()


@pytest.mark.usefixtures("installed")
def test_open_writes_the_other_lessons_too_as_they_link_to_each_other(folder, capsys):
    assert say(capsys, "open", "3", "--output", "mine")[0] == 0
    assert len(list((folder / "mine").glob("0*.ipynb"))) == 5


def test_open_keeps_the_answers_of_a_notebook_that_is_there(folder, installed, capsys):
    (folder / "03-seeing-the-mathematics.ipynb").write_text("my answers")
    code, _, err = say(capsys, "open", "3")
    assert code == 0
    assert "are kept" in err
    assert (folder / "03-seeing-the-mathematics.ipynb").read_text() == "my answers"
    assert installed.called


def test_further_options_go_to_jupyter(installed, capsys):
    assert say(capsys, "open", "1", "--no-browser", "--", "--port", "8899")[0] == 0
    assert installed.called[0][-3:] == ["--no-browser", "--port", "8899"]


@pytest.mark.parametrize("module", list(command.NEEDED))
def test_open_without_the_extra_is_one_sentence(installed, capsys, monkeypatch, module):
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == module else name)
    code, _, err = say(capsys, "open", "1")
    assert code == 2
    assert "is not installed; type: pip install '.[lessons]' in a checkout (from an index" in err
    assert err.count("\n") == 1
    assert not installed.called


def test_a_kernel_of_another_python_is_one_sentence(installed, capsys):
    installed.spec.argv = ["gone/bin/python3", "-m", "ipykernel_launcher"]
    code, _, err = say(capsys, "open", "1")
    assert code == 2
    assert "starts another Python" in err
    assert "ipykernel install" in err
    assert not installed.called


def test_a_missing_kernel_is_one_sentence(installed, capsys):
    def unknown(name):
        raise installed.missing(name)

    installed.known.get_kernel_spec = unknown
    code, _, err = say(capsys, "open", "1")
    assert code == 2
    assert "knows no kernel" in err


def test_a_kernel_of_this_python_by_its_path_is_right(installed, capsys):
    installed.spec.argv = [sys.executable, "-m", "ipykernel_launcher"]
    assert say(capsys, "open", "1")[0] == 0


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="always has a display")
def test_no_display_is_one_sentence_that_names_the_way_out(folder, installed, capsys, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = say(capsys, "open", "1")
    assert code == 2
    assert "no display" in err
    assert "--no-browser" in err
    assert not installed.called
    assert not list(folder.iterdir())
    assert say(capsys, "open", "1", "--no-browser")[0] == 0


@pytest.mark.usefixtures("installed")
def test_no_browser_is_one_sentence(capsys, monkeypatch):
    def none():
        raise command.webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(command.webbrowser, "get", none)
    code, _, err = say(capsys, "open", "1")
    assert code == 2
    assert "no browser" in err


def test_a_jupyter_that_fails_is_told(installed, capsys):
    installed.waits = [1]
    code, _, err = say(capsys, "open", "1")
    assert code == 2
    assert "for the reason above" in err


def test_an_interrupt_is_left_to_jupyter_which_ends_its_kernels_first(installed, capsys):
    installed.waits = [KeyboardInterrupt(), KeyboardInterrupt(), 0]
    assert say(capsys, "open", "1")[0] == 0


def test_without_a_number_the_first_lesson_is_opened(installed, capsys):
    assert say(capsys, "open")[0] == 0
    assert installed.called[0][3] == "01-thinking-in-arrays.ipynb"


def typed(sentence):
    """What a sentence tells to type, as the shell takes it apart."""
    return shlex.split(re.search(r"type: matbench (.*?)(?: and open the address|$)", sentence.strip())[1])


@pytest.mark.parametrize(
    "asked",
    [["open", "2"], ["open", "2", "--no-browser"], ["open", "2", "-o", "my own", "--", "--port", "8899"]],
)
def test_as_root_one_sentence_says_what_to_type_and_that_starts(installed, capsys, monkeypatch, asked):
    monkeypatch.setattr(command.os, "geteuid", lambda: 0, raising=False)
    code, _, err = say(capsys, *asked)
    assert code == 2
    assert "refuses to run as root" in err
    assert err.count("\n") == 1
    assert not installed.called
    assert main(typed(err)) == 0
    (line,) = installed.called
    assert line[-1] == "--allow-root"
    assert set(asked) - {"open", "2", "-o", "my own", "--"} <= set(line)


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="always has a display")
def test_root_without_a_display_is_one_sentence_for_both(installed, capsys, monkeypatch):
    monkeypatch.setattr(command.os, "geteuid", lambda: 0, raising=False)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = say(capsys, "open", "1")
    assert code == 2
    assert "as root" in err
    assert "no display" in err
    assert err.count("\n") == 1
    assert typed(err) == ["lesson", "open", "1", "--no-browser", "--", "--allow-root"]
    assert main(typed(err)) == 0
    assert installed.called


@pytest.mark.usefixtures("installed")
def test_under_make_the_sentence_tells_what_to_give_make(capsys, monkeypatch):
    monkeypatch.setattr(command.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setenv("MAKELEVEL", "1")
    _, _, err = say(capsys, "open", "--output", "my-lessons")
    assert err.rstrip().endswith('type: make lesson ARGS="1 -- --allow-root"')
