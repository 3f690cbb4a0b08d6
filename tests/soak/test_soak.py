"""The soak in short: a few kills and a few hostile files; `make soak` does many."""

from __future__ import annotations

import os

import pytest
from hostile import FORMATS, mutated_images, pickles_with_code
from kills import end_while_saving_fails, kill_the_window
from names import hostile_names

posix = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX systems")


@posix
@pytest.mark.slow
def test_what_was_painted_when_the_program_was_killed_comes_back(tmp_path):
    tally = kill_the_window(tmp_path, 2, "stroke", seed=5)
    assert tally.problems == []
    assert tally.trials == 2
    assert tally.offered > 0
    assert tally.actions > 2


@posix
@pytest.mark.slow
def test_what_all_tools_did_when_the_program_was_killed_comes_back(tmp_path):
    tally = kill_the_window(tmp_path, 3, "paint", seed=8)
    assert tally.problems == []
    assert tally.trials == 3


@posix
@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_save_leaves_no_half_file(tmp_path):
    tally = kill_the_window(tmp_path, 4, "save", seed=6)
    assert tally.problems == []
    assert tally.actions > 4


@posix
@pytest.mark.slow
def test_the_system_may_end_it_while_saving_fails(tmp_path):
    code, seconds, said = end_while_saving_fails(tmp_path)
    assert code == 1
    assert seconds < 30
    assert "was not saved" in said
    assert "offered at the next start" in said


def test_damaged_images_are_read_or_refused(tmp_path):
    assert mutated_images(tmp_path / "images", 2, seed=7) == []
    assert len(FORMATS) == 15


@pytest.mark.slow
def test_no_weights_run_code(tmp_path):
    assert pickles_with_code(tmp_path / "weights", 20) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="such names are not allowed there")
def test_reports_escape_everything(tmp_path):
    """Markup, formulas and commands to the terminal in names come out as what they are."""
    assert hostile_names(tmp_path / "names", 1, seed=3) == []
