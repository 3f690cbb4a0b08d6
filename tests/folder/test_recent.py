"""Counts of the folders that were open before."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta

from fakes import make_folder

from segstudio.session.session import What
from segstudio.storage.image_ref import PAGE_STEP


def _said(desk) -> list[tuple[str, str]]:
    return [(row.name, row.counts) for row in desk.recent_folders.rows()]


def test_images_and_done_ones_are_counted_when_a_folder_is_opened_and_left(new_desk, tmp_path):
    cells = make_folder(tmp_path / "cells", count=5)
    other = make_folder(tmp_path / "other", count=1)
    desk = new_desk()
    desk.open(cells)
    assert _said(desk) == [("cells", "5 images, 0 done")]
    desk.browsing.toggle_reviewed()
    desk.browsing.step(1)
    desk.settle()
    desk.browsing.toggle_reviewed()
    desk.settle()
    desk.open(other)
    assert _said(desk) == [("other", "1 image, 0 done"), ("cells", "5 images, 2 done")]
    desk.browsing.toggle_reviewed()
    desk.close()
    again = new_desk()
    assert _said(again) == [("other", "1 image, 1 done"), ("cells", "5 images, 2 done")]
    opened = datetime.fromisoformat(again.recent_folders.rows()[0].facts.opened)
    assert opened.tzinfo is not None
    assert timedelta(0) <= datetime.now(opened.tzinfo) - opened < timedelta(minutes=5)


def test_marks_of_pages_and_of_images_that_are_gone_are_no_done_images(desk, tmp_path):
    cells = make_folder(tmp_path / "cells", count=3)
    desk.open(cells)
    desk.browsing.toggle_reviewed()
    desk.session.set_state(2 + PAGE_STEP, reviewed=True)
    desk.settle()
    desk.recent_folders.leave()
    assert _said(desk) == [("cells", "3 images, 1 done")]
    (cells / "a0.png").unlink()
    desk.browsing.rescan()
    desk.settle()
    desk.open(cells)
    assert _said(desk) == [("cells", "2 images, 0 done")]


def test_a_count_stays_until_all_marks_are_read(desk, tmp_path, monkeypatch):
    cells = make_folder(tmp_path / "cells", count=3)
    desk.open(cells)
    desk.browsing.toggle_reviewed()
    desk.settle()
    desk.open(make_folder(tmp_path / "other"))
    monkeypatch.setattr(desk.browsing._states, "read", lambda _files: None)
    desk.open(cells)
    assert not desk.browsing._states.known
    desk.recent_folders.leave()  # as if the program was closed before
    assert _said(desk)[0] == ("cells", "3 images, 1 done")


def test_a_folder_of_an_older_segstudio_is_listed_without_counts(new_desk, tmp_path):
    config = tmp_path / "home" / "config"
    config.mkdir(parents=True)
    (config / "settings.json").write_text(json.dumps({"recent": ["/data/nuclei"]}))
    desk = new_desk()
    assert _said(desk) == [("nuclei", "")]


def test_a_folder_can_be_taken_out_of_the_list_for_good(new_desk, tmp_path):
    cells = make_folder(tmp_path / "cells", count=2)
    desk = new_desk()
    desk.open(cells)
    desk.open(make_folder(tmp_path / "other", count=1))
    desk.recent_folders.forget(cells)
    assert [name for name, _ in _said(desk)] == ["other"]
    desk.close()
    assert [name for name, _ in _said(new_desk())] == ["other"]
    assert (cells / "a0.png").is_file()


def test_folders_that_are_gone_are_told_with_the_reason(desk, tmp_path):
    there, gone = make_folder(tmp_path / "there"), make_folder(tmp_path / "gone")
    shutil.rmtree(gone)
    told = []
    desk.recent_folders.look([there, gone], lambda folder, why: told.append((folder, why)))
    desk.settle()
    assert told == [(gone, "not found")]


def test_who_waits_for_the_first_folder_hears_that_none_came(desk, tmp_path):
    (tmp_path / "empty").mkdir()
    desk.changes.clear()
    desk.open(tmp_path / "empty")
    assert desk.session.project is None
    assert any(change.what & What.PROJECT for change in desk.changes)
