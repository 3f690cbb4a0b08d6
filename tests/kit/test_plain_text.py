"""Names with markup are shown as they are, wherever they stand."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QModelIndex, Qt
from PySide6.QtGui import QAction, QTextDocument
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QLabel, QWidget
from slow_cases import few

import segstudio.kit
from segstudio.annotation.ui.versions_dialog import VersionsDialog
from segstudio.core.prediction import ModelSpec
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.kit.plain import plain, plain_box
from segstudio.runs.ui.mapping_dialog import MappingDialog
from segstudio.session.session import What
from segstudio.storage.schema_file import write_schema
from segstudio.window.cheat_sheet import CheatSheet
from segstudio.window.command_palette import CommandPalette

MARKUP = "<b>x</b><img src=y>"
FILE = "<b>x<img src=y>"
"""The same for names that may hold no slash."""
COLUMNS = 12


def is_markup(text: str) -> bool:
    """Whether Qt would take a name in this text for HTML."""
    return "<img src=y>" in text and _rich(text)


def _rich(text: str) -> bool:
    """As `Qt::mightBeRichText` decides: a tag, or an escaped one, in the first line."""
    first = text.lstrip().split("\n")[0]
    return "&lt;" in first or bool(re.search(r"<[a-z]+[^>]*>", first))


@pytest.fixture(scope="module")
def named(keep_window, tmp_path_factory):
    """A window in which folder, image, class and model are called so; tests only look at it."""
    return open_named(keep_window(), tmp_path_factory.mktemp("named") / FILE)


@pytest.fixture
def fresh(make_window, tmp_path):
    """The same for a test that changes what is open."""
    return open_named(make_window(), tmp_path / FILE)


def open_named(bench, root):
    (root / "masks").mkdir(parents=True)
    mask = np.zeros((20, 30), np.uint8)
    mask[5:15, 5:15] = 1
    for name in (f"{FILE}.png", "other.png"):
        cv2.imwrite(str(root / name), np.full((20, 30, 3), 120, np.uint8))
        cv2.imwrite(str(root / "masks" / name), mask)
    schema = LabelSchema((ClassSpec(0, "background", (0, 0, 0)), ClassSpec(1, MARKUP, (0, 99, 0))))
    write_schema(root / "masks", schema)
    model = LabelSchema.from_names(("background", MARKUP))
    for key, title in (("fake-semantic", MARKUP), ("fake-instance", f"{MARKUP} 2")):
        spec = bench.engine._specs[key]
        bench.engine._specs[key] = ModelSpec(
            key, title, spec.family, spec.task, model, spec.preprocess, description=MARKUP
        )
    bench.studio.segmenting.refresh_models()
    bench.open(root)
    bench.until(lambda: bench.session.document.ref.name == f"{FILE}.png")
    bench.studio.segmenting.run_current()
    bench.until(lambda: bool(bench.session.document.predictions))
    bench.settle()
    return bench


def _texts(root: QWidget) -> Iterator[tuple[str, str]]:
    """Every text below a widget that Qt may take for HTML, and where it is."""
    for widget in (root, *root.findChildren(QWidget)):
        where = f"{type(widget).__name__} {widget.accessibleName()!r}"
        yield where, widget.toolTip()
        yield where, widget.whatsThis()
        if isinstance(widget, QLabel) and widget.textFormat() != Qt.TextFormat.PlainText:
            yield where, widget.text()
        if isinstance(widget, QAbstractItemView | QComboBox) and widget.model() is not None:
            yield from ((where, text) for text in _tips(widget.model()))
    for action in root.findChildren(QAction):
        yield action.objectName(), action.toolTip()


def _tips(model: QAbstractItemModel, parent: QModelIndex | None = None) -> Iterator[str]:
    parent = parent or QModelIndex()
    role = Qt.ItemDataRole.ToolTipRole
    flat = isinstance(model, QAbstractListModel)
    columns = range(1 if flat else min(model.columnCount(parent), COLUMNS))
    for column in columns:
        yield str(model.headerData(column, Qt.Orientation.Horizontal, role) or "")
    for row in range(model.rowCount(parent)):
        for column in columns:
            yield str(model.index(row, column, parent).data(role) or "")
        if not flat and model.rowCount(model.index(row, 0, parent)):
            yield from _tips(model, model.index(row, 0, parent))


def _wrong(root: QWidget) -> list[tuple[str, str]]:
    return [(where, text) for where, text in _texts(root) if is_markup(text)]


def test_no_widget_of_the_window_takes_a_name_for_html(fresh):
    window = fresh.window
    for name in window.docks.by_name:
        window.docks.open(name)
    fresh.studio.evaluating.start(["fake-semantic", "fake-instance"])
    fresh.studio.notices.failure(f"Reading {MARKUP}", ValueError(MARKUP))
    fresh.studio.notices.warning(MARKUP, MARKUP)
    fresh.until(lambda: not fresh.session.evaluation.running)
    fresh.studio.comparing.set_layout(2)
    fresh.settle()
    window.signal_view.on_hover(8, 8)
    window.canvas.viewport.hovered.emit(8, 8)
    window.status.jobs.show_job(MARKUP * 9, 1, 2, 0, lambda: None)
    assert MARKUP in window.status.texts["Annotation class"]
    assert _wrong(window) == []
    (folder := fresh.session.project.root / f"{FILE}.png").write_bytes(b"no image")
    fresh.studio.browsing.select(1)
    fresh.until(lambda: fresh.session.index == 1)
    fresh.studio.browsing.rescan()
    fresh.settle()
    fresh.studio.browsing.select(0)
    fresh.until(lambda: fresh.session.unreadable is not None)
    fresh.settle()
    assert folder.name in window.canvas.empty.line.text()
    assert _wrong(window) == []


@pytest.mark.parametrize("verb", few(["export", "map_classes", "settings", "shortcuts"], 2))
def test_no_dialog_takes_a_name_for_html(named, verb, monkeypatch):
    seen = []

    def look(dialog: QWidget) -> int:
        seen.extend([dialog, *_wrong(dialog)])
        return 0

    monkeypatch.setattr("PySide6.QtWidgets.QDialog.exec", look)
    monkeypatch.setattr("PySide6.QtWidgets.QDialog.open", look)
    monkeypatch.setattr("PySide6.QtWidgets.QDialog.show", look)
    getattr(named.window.verbs, verb)()
    assert len(seen) == 1, seen


def test_kept_versions_show_their_files_as_they_are(fresh):
    fresh.studio.editing.clear()
    fresh.studio.autosave.save_now()
    fresh.until(lambda: not fresh.session.document.dirty)
    fresh.window.commands.refresh()
    fresh.window.commands.run("edit.versions")
    fresh.until(lambda: fresh.window.findChild(VersionsDialog) is not None)
    dialog = fresh.window.findChild(VersionsDialog)
    assert FILE in dialog.list.item(0).text()
    assert _wrong(dialog) == []
    dialog.close()


def test_an_ampersand_in_the_name_of_a_class_is_no_key(fresh):
    (first, other) = fresh.session.schema.classes
    fresh.session.schema = LabelSchema((first, replace(other, name="R&D")))
    fresh.session.notify(What.SCHEMA)
    fresh.window.verbs.map_classes()
    dialog = fresh.window.findChild(MappingDialog)
    dialog.every.menu().aboutToShow.emit()
    texts = [action.text() for action in dialog.every.menu().actions()]
    assert "1  R&&D" in texts
    dialog.close()


def test_palette_and_cheat_sheet_show_names_as_they_are(named, qtbot):
    for dialog in (
        CommandPalette(named.window.commands, named.window),
        CheatSheet(named.window.commands, named.window),
    ):
        qtbot.addWidget(dialog)
        assert _wrong(dialog) == []


def test_questions_show_names_as_they_are(named):
    box = plain_box(named.window)
    box.setText(MARKUP)
    assert box.textFormat() == Qt.TextFormat.PlainText
    box.deleteLater()


def test_a_tip_with_markup_reads_as_it_is_written():
    for text in (MARKUP, "a < b & c", "&lt;b&gt;", "two\nlines <b>"):
        read = QTextDocument()
        read.setHtml(plain(text))
        assert read.toPlainText() == text
    assert plain("no markup: 3 > 2") == "no markup: 3 > 2"
    assert is_markup(MARKUP)
    assert not is_markup(plain(MARKUP))


def test_labels_and_boxes_say_which_text_they_take():
    """Qt guesses where it is not told; whoever wants rich text says so beside it."""
    folder = Path(segstudio.kit.__file__).parents[1]
    guessing = []
    for path in folder.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "QLabel" not in source and "QMessageBox" not in source:
            continue
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        made = [c.func.id for c in calls if isinstance(c.func, ast.Name)]
        says = "TextFormat.RichText" in source or path.name == "plain.py"
        if not says and {"QLabel", "QMessageBox"} & set(made):
            guessing.append(path.name)
    assert guessing == []
