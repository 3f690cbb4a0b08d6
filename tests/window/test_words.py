"""Words in the window: each heading says in a sentence what it means, and tips are easily read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QCoreApplication,
    QEvent,
    QModelIndex,
    Qt,
)
from PySide6.QtGui import QAction, QTextDocument
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QDialog, QTableView, QWidget

import segstudio.kit
from segstudio.kit.layer_names import LAYER_TEXTS
from segstudio.kit.plain import TIP_CHARS, plain, wrapped
from segstudio.kit.table_model import TableModel
from segstudio.metrics.image_figures import MEASURES
from segstudio.metrics.measure import Where
from segstudio.window.help_pages import places

PACKAGE = Path(segstudio.kit.__file__).parents[1]
_TIP = Qt.ItemDataRole.ToolTipRole
_ROWS = 20


def _read(tip: str) -> str:
    """A tip as people read it."""
    if "&lt;" in tip or re.search(r"<[a-z]+[^>]*>", tip):  # as Qt decides
        document = QTextDocument()
        document.setHtml(tip)
        return document.toPlainText()
    return tip


def _tips_of(model: QAbstractItemModel, parent: QModelIndex) -> Iterator[str]:
    columns = range(1 if isinstance(model, QAbstractListModel) else model.columnCount(parent))
    for column in columns:
        yield str(model.headerData(column, Qt.Orientation.Horizontal, _TIP) or "")
        for row in range(min(model.rowCount(parent), _ROWS)):
            yield str(model.index(row, column, parent).data(_TIP) or "")


def _tips(root: QWidget) -> Iterator[tuple[str, str]]:
    """Every tip below a widget, and where it is."""
    for widget in (root, *root.findChildren(QWidget)):
        where = f"{type(widget).__name__} {widget.accessibleName()!r}"
        yield where, widget.toolTip()
        if isinstance(widget, QAbstractItemView | QComboBox) and widget.model() is not None:
            yield from ((where, tip) for tip in _tips_of(widget.model(), QModelIndex()))
    for action in root.findChildren(QAction):
        yield action.objectName(), action.toolTip()


def _too_long(root: QWidget) -> set[tuple[str, str]]:
    return {
        (where, line)
        for where, tip in _tips(root)
        for line in _read(tip).splitlines()
        if len(line) > TIP_CHARS + 6
    }


@pytest.fixture
def busy(bench):
    """A window with all panels open, two models run and evaluated, two views."""
    for name in bench.window.docks.by_name:
        bench.window.docks.open(name)
    models = ["fake-semantic", "fake-instance"]
    bench.studio.comparing.run_side_by_side(models)
    bench.until(lambda: len(bench.session.document.predictions) == 2)
    bench.studio.evaluating.start(models)
    bench.until(lambda: not bench.session.evaluation.running)
    bench.settle()
    return bench


def test_no_tip_of_the_window_runs_on_in_one_line(busy):
    assert _too_long(busy.window) == set()


COMMANDS = (
    "file.export", "file.settings", "file.shortcuts", "evaluation.mapping", "file.truth",
    "runs.new", "runs.ensemble", "compare.models", "file.masks",
)  # fmt: skip


def test_no_tip_of_a_dialog_runs_on_in_one_line(busy):
    for command in COMMANDS:
        busy.window.commands.run(command)
        dialog = next(d for d in busy.window.findChildren(QDialog) if d.isVisible())
        found = _too_long(dialog)
        dialog.close()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        assert found == set(), command


def test_every_heading_of_the_tables_in_the_window_has_a_tip(busy):
    bare = set()
    seen = 0
    for view in busy.window.findChildren(QTableView):
        model = view.model()
        for column in range(model.columnCount()) if isinstance(model, TableModel) else ():
            title = str(model.headerData(column, Qt.Orientation.Horizontal))
            tip = _read(str(model.headerData(column, Qt.Orientation.Horizontal, _TIP) or ""))
            seen += 1
            if title.strip() and (not tip or tip.strip() == title.strip()):
                bare.add((view.accessibleName(), title))
    assert seen > 20
    assert bare == set()


def test_every_column_of_every_table_is_made_with_a_tip():
    """Also of tables that only a network or a folder brings."""
    without = []
    texts = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    makers = {path: text for path, text in texts.items() if "Column" in text}
    assert len(makers) > 10
    for path, text in makers.items():
        for node in ast.walk(ast.parse(text)):
            made = node.func if isinstance(node, ast.Call) else None
            made = made.value if isinstance(made, ast.Subscript) else made
            is_column = isinstance(made, ast.Name) and made.id == "Column"
            if is_column:
                named = {keyword.arg for keyword in node.keywords}
                title = node.args[0].value if isinstance(node.args[0], ast.Constant) else "?"
                if len(node.args) < 3 and "tip" not in named and title:
                    without.append((path.name, title))
    assert without == []


def test_a_heading_of_the_evaluation_shows_no_markup(busy):
    tips = [tip for where, tip in _tips(busy.window.docks.by_name["Evaluation"]) if "IoU" in tip]
    assert tips
    assert [tip for tip in tips if "<b>" in _read(tip)] == []


# -- figures -----------------------------------------------------------------------------------

FIGURES = [figure for measure in MEASURES for place in Where for figure in measure.at(place)]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.key)
def test_a_figure_is_explained_in_plain_words(figure):
    """More than its name, and more than a formula: at least seven words in small letters."""
    assert figure.tip.startswith(figure.name)
    words = [w.strip(",.;:()") for w in figure.meaning.split()]
    assert len([w for w in words if w.isalpha() and w.islower()]) >= 7, figure.meaning


def _is_known(word: str) -> bool:
    word = word.lower().removeprefix("foreground ").removesuffix(" of the foreground")
    return any(word in place.called for place in places() if place.is_term)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.key)
def test_the_glossary_has_every_name_of_a_figure(figure):
    names = {figure.title, figure.name, figure.short}
    assert {name for name in names if not _is_known(name)} == set()


def test_the_glossary_has_every_layer():
    layers = set(LAYER_TEXTS.values()) - {"Annotation + prediction", "Photo only"}
    assert {layer for layer in layers if not _is_known(layer)} == set()


# -- wrapping ----------------------------------------------------------------------------------


def test_tips_break_between_words_at_sixty_characters():
    ten = "123456789 " * 7
    assert wrapped(ten.strip()).split("\n") == [
        "123456789 123456789 123456789 123456789 123456789 123456789",
        "123456789",
    ]
    assert wrapped("one\n\ntwo") == "one\n\ntwo"
    assert wrapped("short") == "short"
    path = f"See {'a' * 40}/{'b' * 30}_{'c' * 8}.png"
    assert wrapped(path).split("\n") == ["See", f"{'a' * 40}/", f"{'b' * 30}_{'c' * 8}.png"]
    name = "x" * 130
    assert [len(line) for line in wrapped(name).split("\n")] == [60, 60, 10]


def test_a_wrapped_tip_with_markup_still_reads_as_it_is_written():
    text = "a <b> that is no markup " * 5
    assert _read(plain(text)).split() == text.split()
    assert max(map(len, _read(plain(text)).splitlines())) <= 60
