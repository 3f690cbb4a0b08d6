"""What is kept of folders that were open, and how the list says it."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from segstudio.storage.recent_folders import (
    FolderFacts,
    RecentFolder,
    day_text,
    recent_folders,
    why_gone,
)
from segstudio.storage.settings import MAX_RECENT, Settings, load_settings, save_settings

TODAY = date(2026, 11, 27)
"""A Friday."""


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-27T00:00:01", "today"),
        ("2026-11-26T23:59:59", "yesterday"),
        ("2026-11-25T12:00:00", "Wednesday"),
        ("2026-11-21T12:00:00", "Saturday"),
        ("2026-11-20T12:00:00", "20 Nov"),  # a Friday too: its name would mean today
        ("2026-01-02T12:00:00", "2 Jan"),
        ("2025-12-31T12:00:00", "31 Dec 2025"),
        ("2026-11-28T12:00:00", "28 Nov"),  # the computer's clock was wrong
        ("", ""),
        ("soon", ""),
        ("0001-01-01T00:00:00", ""),  # before what the system's clock can say
    ],
)
def test_the_day_is_said_as_people_say_it(moment, said):
    assert day_text(moment, TODAY) == said


@pytest.mark.skipif(sys.platform == "win32", reason="needs tzset")
def test_a_moment_counts_by_the_day_of_this_computer(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        # 20:00 UTC on the 26th is 5 in the morning of the 27th in Tokyo
        assert day_text("2026-11-26T20:00:00+00:00", TODAY) == "today"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_row_says_name_place_and_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    row = RecentFolder(tmp_path / "data" / "nuclei", FolderFacts(1537, 61, "2026-11-26T12:00:00"))
    assert (row.name, row.place) == ("nuclei", str(Path("~", "data", "nuclei")))
    assert (row.counts, row.last_opened(TODAY)) == ("1,537 images, 61 done", "yesterday")
    elsewhere = RecentFolder(Path("/srv/one"), FolderFacts(1))
    assert (elsewhere.place, elsewhere.counts) == (str(Path("/srv/one")), "1 image")
    unknown = RecentFolder(Path("/srv/old"))
    assert (unknown.counts, unknown.last_opened(TODAY)) == ("", "")


def test_facts_are_kept_with_the_settings_and_go_with_their_folder(tmp_path):
    path = tmp_path / "settings.json"
    facts = FolderFacts(12, 3, "2026-11-26T12:00:00+01:00")
    settings = Settings().with_recent("/a").with_facts("/a", facts).with_recent("/b")
    save_settings(path, settings)
    assert json.loads(path.read_text())["recent_facts"] == {
        "/a": {"images": 12, "done": 3, "opened": "2026-11-26T12:00:00+01:00"}
    }
    assert load_settings(path) == settings
    assert [row.facts for row in recent_folders(settings.recent, settings.recent_facts)] == [
        None,
        facts,
    ]
    assert settings.without_recent("/a") == Settings().with_recent("/b")
    assert settings.with_facts("/never open", facts) == settings
    for number in range(MAX_RECENT):
        settings = settings.with_recent(f"/more/{number}")
    assert not settings.recent_facts


def test_a_file_of_before_and_damaged_facts_are_read(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text('{"recent": ["/a", "/b"]}')
    assert load_settings(path) == Settings(recent=("/a", "/b"))
    entries = {
        "/whole": {"images": 5, "done": 2, "opened": "x", "more": 1},
        "/too many done": {"images": 5, "done": 9},
        "/no count": {"done": 2},
        "/negative": {"images": -1},
        "/words": {"images": "five"},
        "/yes": {"images": True},
        "/list": [5],
        "/odd done": {"images": 5, "done": "all", "opened": 7},
    }
    path.write_text(json.dumps({"recent": ["/whole"], "recent_facts": entries}))
    assert load_settings(path).recent_facts == {
        "/whole": FolderFacts(5, 2, "x"),
        "/too many done": FolderFacts(5, 5),
        "/odd done": FolderFacts(5),
    }
    path.write_text('{"recent": ["/a"], "recent_facts": [1]}')
    assert load_settings(path) == Settings(recent=("/a",))


def test_why_a_folder_cannot_be_opened_again(tmp_path):
    assert why_gone(tmp_path) == ""
    assert why_gone(tmp_path / "never") == "not found"
    assert why_gone(Path("bad\0name")) in ("not found", "not reachable")
    file = tmp_path / "file"
    file.write_text("")
    assert why_gone(file) == "not a folder"
    assert why_gone(file / "below") == "not found"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read_says_so(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    assert why_gone(closed) == "not readable"
    closed.chmod(0o700)
