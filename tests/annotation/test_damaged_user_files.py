"""Whatever happened to the user's own files, the program starts and works."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from fakes import make_folder
from PIL import Image as pil
from slow_cases import few

DEEP = b"[" * 200_000 + b"]" * 200_000
DAMAGE = {
    "deep": lambda _content: DEEP,
    "infinite": lambda _content: b'{"brush_size": 1e999, "reviewed": 1e999}',
    "noise": lambda content: np.random.default_rng(3).bytes(max(64, len(content))),
    "half": lambda content: content[: len(content) // 2],
    "a bit": lambda content: (
        content[:40] + bytes([content[40] ^ 16]) + content[41:]
        if len(content) > 41
        else content[::-1]
    ),
}


def work(desk, root):
    """Open, run, paint, mark, evaluate, save: all that reads and writes the user's files."""
    desk.open(root)
    assert desk.document is not None
    desk.segmenting.run_current()
    desk.settle()
    assert desk.document.predictions["bright"].labels.any()
    desk.evaluating.start(["bright"])
    desk.settle()
    assert desk.session.evaluation.done == {"bright": 2}
    desk.session.set_view(active_class=1, brush_size=3)
    desk.editing.begin_stroke(2, 2)
    desk.editing.end_stroke()
    desk.browsing.toggle_reviewed()
    desk.preferences.update(opacity=0.4, key_overrides={"tool.pan": "Z"})
    variant = desk.named_runs.add_variant(
        f"Half {len(desk.session.models)}", "bright", input_scale=0.5
    )
    desk.settle()
    assert variant in desk.session.models
    desk.autosave.save_now()
    desk.settle()
    assert not desk.document.dirty
    saved = np.array(pil.open(root / "masks" / "a0.png"))
    assert saved[2, 2] == 1


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_program_works_whatever_became_of_the_files_that_it_keeps(new_desk, tmp_path, damage):
    root, home = make_folder(tmp_path / "set", 2), tmp_path / "home"
    desk = new_desk(home=home)
    work(desk, root)
    desk.close()
    kept = [path for path in home.rglob("*") if path.is_file()]
    names = {path.name for path in kept}
    assert {"settings.json", "runs.json", "reviewed.json"} <= names
    assert any(name.endswith(".sqlite") for name in names)
    assert any(name.endswith(".prediction") for name in names)
    for path in kept:
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    again = new_desk(home=home)
    work(again, root)
    assert not [n for n in again.notices.recent if "should not happen" in n.hint]
    assert again.close()


@pytest.mark.parametrize("damage", few(["deep", "infinite", "noise"], {"noise"}))
@pytest.mark.parametrize("name", ["settings.json", "runs.json", "reviewed.json"])
def test_a_file_that_is_damaged_is_one_message_and_is_kept(new_desk, tmp_path, name, damage):
    root, home = make_folder(tmp_path / "set", 2), tmp_path / "home"
    desk = new_desk(home=home)
    work(desk, root)
    desk.close()
    (path,) = home.rglob(name)
    if (name, damage) == ("settings.json", "infinite"):
        content = b'{"brush_size": 1e999'  # what follows is of no use, and so is the rest
    else:
        content = DAMAGE[damage](path.read_bytes())
    path.write_bytes(content)
    again = new_desk(home=home)
    again.open(root)
    (told,) = (n for n in again.notices.recent if path.name in n.message)
    assert told.level == "warning"
    assert str(path) in told.message
    assert str(path.with_suffix(".damaged")) in told.message
    again.browsing.toggle_reviewed()
    again.preferences.update(opacity=0.3)
    again.settle()
    assert path.with_suffix(".damaged").read_bytes() == content


@pytest.mark.parametrize("content", [b"[]", b'{"reviewed": 5}', b'"a0.png"'])
def test_marks_of_another_form_are_not_replaced_in_silence(desk, tmp_path, content):
    root = make_folder(tmp_path / "set", 2)
    desk.open(root)
    desk.browsing.toggle_reviewed()
    desk.settle()
    (path,) = (tmp_path / "home").rglob("reviewed.json")
    path.write_bytes(content)
    desk.open(root)
    (told,) = (n for n in desk.notices.recent if n.level != "info")
    assert "no image counts as done" in told.message
    assert path.with_suffix(".damaged").read_bytes() == content


@pytest.mark.parametrize("damage", ["deep", "infinite", "noise"])
def test_a_damaged_class_list_is_one_message_and_another_folder_opens(desk, tmp_path, damage):
    """The folder is not opened with guessed classes: saving would take the list's place."""
    root = make_folder(tmp_path / "set", 2)
    (root / "masks" / "segstudio.json").write_bytes(DAMAGE[damage](b""))
    desk.open(root)
    told = [n for n in desk.notices.recent if n.level != "info"]
    assert len(told) == 1
    assert "segstudio.json" in told[0].message
    assert told[0].hint
    assert not told[0].details
    desk.open(make_folder(tmp_path / "other", 1))
    assert desk.document is not None


def test_a_cache_in_which_another_program_wrote_other_types_is_passed_over(new_desk, tmp_path):
    root, home = make_folder(tmp_path / "set", 2), tmp_path / "home"
    desk = new_desk(home=home)
    work(desk, root)
    desk.close()
    for path in home.rglob("*.sqlite"):
        spoil(path)
    work(new_desk(home=home), root)


def spoil(path: Path) -> None:
    with sqlite3.connect(path) as file:
        file.execute("UPDATE entries SET value = 'text' WHERE id % 2 = 0")
        file.execute("UPDATE entries SET value = 7 WHERE id % 2 = 1")
    file.close()
