"""Palette, cheat sheet, shortcut editor, settings, recovery, notices: as the user meets them."""

from __future__ import annotations

import logging
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QWidget

from segstudio.annotation.ui.recovery_dialog import RecoveryDialog
from segstudio.storage.journal import Recovered
from segstudio.storage.settings import Settings
from segstudio.window.cheat_sheet import CheatSheet
from segstudio.window.command_palette import CommandPalette
from segstudio.window.crash import CrashGuard
from segstudio.window.help_window import HelpWindow
from segstudio.window.settings_dialog import ROWS, SettingsDialog
from segstudio.window.shortcut_editor import ShortcutEditor


def _found(window, kind):
    return window.findChildren(kind)[-1]


def test_the_palette_finds_and_does_a_command(bench, qtbot):
    bench.window.commands.run("help.palette")
    palette = _found(bench.window, CommandPalette)
    qtbot.keyClicks(palette.field, "eraser")
    assert palette.list.currentIndex().data() == "Tools: Eraser"
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert bench.session.view.tool == "eraser"
    assert not palette.isVisible()


@pytest.mark.parametrize(
    ("typed", "line", "shown"),
    [
        ("mean iou", "Metrics: Mean IoU (mIoU)", ("metrics", "term:mean-iou")),
        ("pq", "Metrics: Panoptic quality (PQ)", ("metrics", "term:panoptic-quality")),
        ("RF", "Glossary: Receptive field (RF)", ("glossary", "term:receptive-field")),
        ("comparing mod", "Metrics: Comparing models", ("metrics", "comparing-models")),
    ],
)
def test_the_palette_finds_words_and_headings_of_the_help(bench, qtbot, typed, line, shown):
    bench.window.commands.run("help.palette")
    palette = _found(bench.window, CommandPalette)
    qtbot.keyClicks(palette.field, typed)
    bench.until(lambda: palette.list.currentIndex().data() == line)
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    window = _found(bench.window, HelpWindow)
    assert window.isVisible()
    assert window.shown == shown
    bench.until(lambda: window.page.is_whole)
    marks = window.page.extraSelections()
    target = marks[0].cursor  # tinted
    assert target.block().text().lower() in line.lower()
    assert window.page.viewport().rect().contains(window.page.cursorRect(target))
    window.close()


def test_what_cannot_be_done_now_is_grey_in_the_palette(bench, qtbot):
    bench.window.commands.run("help.palette")
    palette = _found(bench.window, CommandPalette)
    qtbot.keyClicks(palette.field, "redo")
    flags = palette.list.currentIndex().flags()
    assert not flags & Qt.ItemFlag.ItemIsEnabled
    palette.close()


def test_the_cheat_sheet_is_made_from_the_table_and_searchable(bench, qtbot):
    bench.window.commands.run("help.keys")
    sheet = _found(bench.window, CheatSheet)
    assert ("B", "Brush") in sheet.lines
    qtbot.keyClicks(sheet.field, "opacity")
    assert sheet.lines
    assert all("opa" in f"{keys} {text}".lower() for keys, text in sheet.lines)
    sheet.reject()


def test_a_new_shortcut_warns_takes_over_and_is_kept(bench, qtbot):
    editor = ShortcutEditor(bench.window.commands.rows, bench.window.commands.keymap, bench.window)
    qtbot.addWidget(editor)
    editor.choose("tool.fill")
    editor.field.setKeySequence(QKeySequence("B"))
    assert "Brush" in editor.warning.text()
    editor.assign.click()
    assert editor.keymap == {"tool.fill": ("B", "G"), "tool.brush": ()}
    bench.window.verbs._keep_keymap(editor.keymap)
    qtbot.keyClick(bench.window, "b")
    assert bench.session.view.tool == "fill"
    assert bench.studio.preferences.settings.key_overrides == {"tool.fill": "B G", "tool.brush": ""}


def test_presets_replace_all_shortcuts(bench, qtbot):
    editor = ShortcutEditor(bench.window.commands.rows, {}, bench.window)
    qtbot.addWidget(editor)
    assert editor.preset.currentText() == "segstudio"
    editor.preset.setCurrentText("CVAT")
    editor.preset.activated.emit(editor.preset.currentIndex())
    bench.window.verbs._keep_keymap(editor.keymap)
    assert bench.studio.preferences.settings.keys == "CVAT"
    qtbot.keyClick(bench.window, "f")
    bench.until(lambda: bench.session.index == 1)


def test_every_setting_has_a_control_or_a_place_elsewhere():
    # tool bar, shortcut editor, export dialog, menu
    elsewhere = {
        "model",
        "prompter",
        "keys",
        "key_overrides",
        "export_folders",
        "export_forms",
        "recent",
        "recent_facts",
        "object_ids",
        "object_boxes",
        "object_scores",
        "scale_bar",
    }
    assert set(ROWS) | elsewhere >= {f.name for f in fields(Settings)}
    assert not set(ROWS) & elsewhere


def test_settings_count_at_once(bench, qtbot):
    bench.window.commands.run("file.settings")
    dialog = _found(bench.window, SettingsDialog)
    dialog.controls["autosave"].setChecked(False)
    dialog.controls["brush_size"].setValue(40)
    assert bench.studio.preferences.settings.autosave is False
    assert bench.session.view.brush_size == 40
    dialog.reject()


def test_dark_and_light_are_applied_live(bench):
    bench.window.theme.choose("dark")
    assert bench.window.palette().window().color().lightness() < 100
    bench.window.theme.choose("light")
    assert bench.window.palette().window().color().lightness() > 200
    bench.window.theme.choose("system")


class _FakeRecovering:
    def __init__(self) -> None:
        self.restored, self.discarded = [], []

    def restore(self, item) -> None:
        self.restored.append(item.image.name)

    def discard(self, item) -> None:
        self.discarded.append(item.image.name)


def test_recovery_offers_each_image_with_a_preview(qtbot):
    items = [Recovered(Path(f"/data/{name}.png"), 3, 1e9, (4, 6), False, ()) for name in ("a", "b")]
    recovering, parent = _FakeRecovering(), QWidget()
    qtbot.addWidget(parent)
    asked = []

    def preview(item, done) -> None:
        asked.append(item.image.name)
        done(np.zeros((4, 6, 3), np.uint8))

    dialog = RecoveryDialog(items, recovering, preview, parent)
    qtbot.addWidget(dialog)
    assert "a.png\n3 changes" in dialog.list.item(0).text()
    assert asked == ["a.png"]
    assert not dialog.preview.pixmap().isNull()
    dialog.restore.click()
    dialog.discard.click()
    assert (recovering.restored, recovering.discarded) == (["a.png"], ["b.png"])


def test_an_uncaught_error_is_shown_and_work_is_saved(bench, capsys):
    data = bench.studio.preferences.folders.data
    guard = CrashGuard(bench.dispatcher, bench.window, data)
    guard.studio = bench.studio
    bench.studio.preferences.update(autosave=False)
    bench.studio.editing.clear()
    guard.handle(ValueError("surprise"))
    notice = bench.studio.notices.shown[0].notice
    assert "ValueError: surprise" in notice.message
    assert "recovery folder" in notice.hint
    assert list((data / "recovery").glob("*/field_0.png"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no device that is always full")
def test_a_log_that_cannot_be_written_is_no_trouble(bench, tmp_path, capsys):
    (tmp_path / "segstudio.log").symlink_to("/dev/full")
    guard = CrashGuard(bench.dispatcher, bench.window, tmp_path)
    guard.install()
    logging.getLogger("segstudio").warning("this is lost")
    guard.remove()
    assert capsys.readouterr().err == ""
