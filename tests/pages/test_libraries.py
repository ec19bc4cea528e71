"""What asv's pages load from elsewhere is what npm's packages are pinned to."""

import re

import libraries
import pytest

pytest.importorskip("asv", reason="needs asv; pip install asv")

from importlib.resources import files

PAGE = (files("asv") / "www" / "index.html").read_text(encoding="utf-8")
ASKED = libraries.asked_for(PAGE)


def test_every_library_of_the_pages_is_known_and_no_other():
    assert sorted(map(libraries.ending, ASKED)) == sorted(libraries.FILES)


@pytest.mark.parametrize("address", ASKED, ids=libraries.ending)
def test_the_version_asked_for_is_the_one_that_is_pinned(address):
    name = libraries.ending(address)
    package = libraries.FILES[name].partition("/")[0]
    (asked,) = re.findall(r"\d+\.\d+\.\d+", name)
    assert asked == "1.0.1" if package == "stupid-table-plugin" else libraries.pinned()[package] == asked


@pytest.mark.parametrize("address", ASKED, ids=libraries.ending)
def test_what_is_installed_is_what_was_meant_but_for_the_stand_ins(address):
    name = libraries.ending(address)
    path = libraries.installed(name)
    if not path.is_file():
        pytest.skip("npm's packages are not in .browser; type: make browser")
    assert libraries.is_what_was_meant(path, ASKED[address]) == (name not in libraries.STAND_INS)


def test_only_the_stand_ins_go_without_a_check_of_integrity():
    kept = {
        libraries.ending(address) for address, found in libraries.asked_for(libraries.relaxed(PAGE)).items() if found
    }
    assert kept == set(libraries.FILES) - libraries.STAND_INS
