"""Attributions that are kept: found beside a notebook, of this machine alone, whatever else lies there."""

import pytest
from credit_examples import record_at

from matbench import kept
from matbench.kept import FOLDER, kept_records, own_attribution
from matbench.model import Host
from matbench.present import lesson_figures
from matbench.record.store import keep_record

OWN = "h-this-one"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with results: of this machine at two sizes, of another at a third."""
    monkeypatch.setattr(kept, "read_host", lambda: Host(host_id=OWN))
    for n, host_id in ((64, OWN), (1024, OWN), (128, "h-another")):
        keep_record(record_at(n, host_id=host_id), tmp_path / "results" / FOLDER)
    return tmp_path


def test_the_nearest_of_this_machine_is_found(project):
    assert own_attribution(n=128, beside=project).n == 64
    assert own_attribution(beside=project).n == 1024
    assert own_attribution(n=128, dtype="float32", beside=project) is None


def test_the_results_may_lie_beside_a_folder_above(project, monkeypatch):
    notebooks = project / "my-lessons"
    notebooks.mkdir()
    monkeypatch.chdir(notebooks)
    assert own_attribution(n=64).n == 64


def test_where_nothing_is_kept_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "ABOVE", 0)
    assert own_attribution(beside=tmp_path) is None


def test_a_file_that_can_t_be_read_is_told_and_left_out(project):
    path = next((project / "results" / FOLDER / "records").rglob("*.jsonl"))
    path.write_text("no record\n")
    said = []
    assert len(kept_records(project / "results", said.append)) == 2
    assert path.name in said[0]
    assert len(kept_records(project / "results")) == 2


def test_the_lesson_s_picture_of_it_describes_itself(project):
    shown = lesson_figures.credit(own_attribution(n=64, beside=project))
    assert shown.alt.startswith("Two charts with a row for each idea")
    assert shown.svg().startswith(b"<?xml")
