from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from segstudio.core.errors import SegstudioError
from segstudio.storage.folders import user_folders
from segstudio.storage.settings import MAX_RECENT, Settings, load_settings, save_settings
from segstudio.storage.states import (
    Mark,
    load_marked,
    load_notes,
    save_marked,
    save_note,
    set_damaged_aside,
)


def test_defaults_and_sparse_overrides(tmp_path):
    path = tmp_path / "config" / "settings.json"
    assert load_settings(path) == Settings()
    settings = replace(
        Settings(), autosave=False, brush_size=40, key_overrides={"save": "Ctrl+Alt+S"}
    ).with_recent("/data/zellen ä")
    save_settings(path, settings)
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "autosave": False,
        "brush_size": 40,
        "key_overrides": {"save": "Ctrl+Alt+S"},
        "recent": ["/data/zellen ä"],
    }
    assert load_settings(path) == settings


def test_damaged_entries_get_defaults_and_the_rest_is_kept(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(
        json.dumps(
            {
                "theme": "purple",
                "autosave": "yes",
                "brush_size": 9000,
                "opacity": None,
                "autosave_seconds": -3,
                "recent": "x",
                "key_overrides": [],
                "keep_view": False,
                "from_the_future": {"a": 1},
            }
        )
    )
    told = []
    settings = load_settings(path, told.append)
    assert settings == Settings(brush_size=2000, autosave_seconds=0.2, keep_view=False)
    (text,) = told
    assert str(path) in text
    assert '"theme" ("purple"), "autosave" ("yes"), "brush_size" (9000)' in text
    assert "from_the_future" not in text
    save_settings(path, replace(settings, keep_view=True))
    assert json.loads(path.read_text())["from_the_future"] == {"a": 1}


def test_single_entries_of_lists_are_told_and_the_others_kept(tmp_path):
    path = tmp_path / "settings.json"
    content = {
        "recent": ["/data/a", {}],
        "key_overrides": {"save": 7, "undo": "Ctrl+U"},
        "recent_facts": {"/data/a": {"images": 3}, "/data/b": {"images": -1}},
        "opacity": 1,
    }
    path.write_text(json.dumps(content))
    told = []
    settings = load_settings(path, told.append)
    assert settings.recent == ("/data/a",)
    assert settings.key_overrides == {"undo": "Ctrl+U"}
    assert [*settings.recent_facts] == ["/data/a"]
    assert settings.opacity == 1.0
    (text,) = told
    assert all(f'"{key}"' in text for key in ("recent", "key_overrides", "recent_facts"))
    assert '"opacity"' not in text
    save_settings(path, settings)
    told.clear()
    assert load_settings(path, told.append) == settings
    assert told == []


def test_a_file_that_is_no_json_is_set_aside(tmp_path):
    kept = ("settings.damaged", "settings.2.damaged", "settings.3.damaged")
    for name, content in zip(
        kept, (b'{"theme": "da', b"\xff\xfe\x00nonsense", b"[1]"), strict=True
    ):
        path = tmp_path / "settings.json"
        path.write_bytes(content)
        assert load_settings(path) == Settings()
        assert (tmp_path / name).read_bytes() == content


def test_recent_folders_are_few_and_the_latest_first():
    settings = Settings()
    for i in range(20):
        settings = settings.with_recent(str(i))
    settings = settings.with_recent("15")
    assert len(settings.recent) == MAX_RECENT
    assert settings.recent[:3] == ("15", "19", "18")


def test_user_folders_follow_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path))
    assert user_folders().data == tmp_path / "data"
    assert user_folders(tmp_path / "other").cache == tmp_path / "other" / "cache"
    monkeypatch.delenv("SEGSTUDIO_HOME")
    assert user_folders().config.is_absolute()


def test_marks_of_images(tmp_path):
    marks = tmp_path / "marks"
    assert load_marked(tmp_path / "none", Mark.REVIEWED) == set()
    save_marked(marks, tmp_path, Mark.REVIEWED, {"b.png", "ä.png"})
    save_marked(marks, tmp_path, Mark.CORRECTED, {"c.png"})
    assert load_marked(marks, Mark.REVIEWED) == {"b.png", "ä.png"}
    assert load_marked(marks, Mark.CORRECTED) == {"c.png"}
    (marks / "reviewed.json").write_text("{")
    assert load_marked(marks, Mark.REVIEWED) == set()


@pytest.fixture
def unreadable(monkeypatch):
    """Makes a file unreadable, also for who may read everything, and readable again."""
    locked, opened = set[Path](), Path.open

    def refused(path, *args, **kwargs):
        if path in locked:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refused)
    return locked


def test_settings_that_cannot_be_read_for_a_moment_are_told_and_not_replaced(tmp_path, unreadable):
    path, told = tmp_path / "settings.json", []
    save_settings(path, Settings(theme="dark", recent=("/a", "/b")))
    unreadable.add(path)
    assert load_settings(path, told.append) == Settings()
    assert told == [f"{path} cannot be read (Permission denied): the usual settings are in force."]
    with pytest.raises(
        SegstudioError, match=r"settings\.json cannot be read \(Permission denied\)"
    ):
        save_settings(path, Settings(opacity=0.5))
    unreadable.clear()
    assert load_settings(path).recent == ("/a", "/b")
    assert load_settings(tmp_path / "none.json", told.append) == Settings()
    assert len(told) == 1


def test_notes_and_marks_that_cannot_be_read_for_a_moment_are_not_replaced(tmp_path, unreadable):
    save_note(tmp_path, tmp_path, "a.png", "look again")
    save_marked(tmp_path, tmp_path, Mark.FLAGGED, {"a.png"})
    unreadable.update((tmp_path / "notes.json", tmp_path / "flagged.json"))
    assert set_damaged_aside(tmp_path) == (
        f"{tmp_path / 'flagged.json'} cannot be read (Permission denied): no image counts as flagged.",
        f"{tmp_path / 'notes.json'} cannot be read (Permission denied): no image has a note.",
    )
    with pytest.raises(SegstudioError, match=r"notes\.json cannot be read"):
        save_note(tmp_path, tmp_path, "b.png", "new")
    with pytest.raises(SegstudioError, match=r"flagged\.json cannot be read"):
        save_marked(tmp_path, tmp_path, Mark.FLAGGED, {"b.png"})
    unreadable.clear()
    assert load_notes(tmp_path) == {"a.png": "look again"}
    assert load_marked(tmp_path, Mark.FLAGGED) == {"a.png"}
