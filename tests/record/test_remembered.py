"""What is kept in the cache: made once, made anew where it is not whole, and done without where nothing can be kept."""

import os

import pytest

from matbench.errors import RecordError
from matbench.record.remembered import remembered

TEXT = "first line\nsecond × line\r\n\nlast"


def test_what_was_made_once_is_not_made_again(tmp_path):
    assert remembered("a.js", lambda: TEXT, tmp_path / "new") == TEXT
    assert remembered("a.js", lambda: pytest.fail("made again"), tmp_path / "new") == TEXT
    assert remembered("b.js", lambda: "other", tmp_path / "new") == "other"


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda _: b"", lambda _: b"\xff\n\xff", lambda _: b"x" * 90])
def test_what_is_not_whole_is_made_anew(tmp_path, spoil):
    remembered("a.js", lambda: TEXT, tmp_path)
    path = tmp_path / "a.js"
    path.write_bytes(spoil(path.read_bytes()))
    assert remembered("a.js", lambda: "anew", tmp_path) == "anew"
    assert remembered("a.js", lambda: pytest.fail("made again"), tmp_path) == "anew"


def test_where_nothing_can_be_kept_it_is_made_each_time(tmp_path):
    (tmp_path / "file").write_text("mine")
    for text in ("one", "two"):
        assert remembered("a.js", lambda text=text: text, tmp_path / "file") == text
    assert (tmp_path / "file").read_text() == "mine"


def test_a_name_that_leads_elsewhere_is_refused(tmp_path):
    with pytest.raises(RecordError, match="name"):
        remembered(f"..{os.sep}a.js", lambda: TEXT, tmp_path)


def test_by_default_it_lies_in_the_cache_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path)
    remembered("a.js", lambda: TEXT)
    assert [path.name for path in tmp_path.iterdir()] == ["a.js"]
