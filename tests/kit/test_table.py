"""The table that all panels use, with real clicks and keys."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QFocusEvent, QFont, QFontMetrics, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLineEdit

from segstudio.core.formatting import ratio_text
from segstudio.kit.table import TableView
from segstudio.kit.table_model import BAR, SWATCHES, UNSORTED, Column, Emphasis, Side, TableModel
from segstudio.kit.theme import Theme

LEFT = Qt.MouseButton.LeftButton
RED, BLACK = QColor(200, 0, 0), QColor(0, 0, 0)


@dataclass(frozen=True)
class Score:
    name: str
    iou: float
    votes: tuple[QColor, ...] = ()


COLUMNS = (
    Column[Score]("Class", lambda r: r.name, "The class", stretch=60),
    Column[Score]("IoU", lambda r: ratio_text(r.iou), value=lambda r: r.iou, side=Side.RIGHT,
                  bar=lambda r: r.iou, bar_color=lambda r: RED, color=lambda r: RED,
                  emphasis=lambda r: Emphasis.STRONG if r.iou > 0.8 else Emphasis.FAINT),
    Column[Score]("Votes", lambda r: "", key=lambda r: len(r.votes), swatches=lambda r: r.votes,
                  spoken=lambda r: f"{len(r.votes)} votes", spare=True),
)  # fmt: skip
CAT, DOG = Score("cat", 0.25, (BLACK, RED)), Score("Dog", 0.875)
EEL = Score("=eel", math.nan, (RED,))


@pytest.fixture
def view(qtbot):
    """A table of three rows that can be sorted."""
    model = TableModel(COLUMNS, lambda r: r.name.casefold())
    many = QAbstractItemView.SelectionMode.ExtendedSelection
    table = TableView(model, "Scores", sorting=UNSORTED, choosing=many)
    qtbot.addWidget(table)
    model.show_rows([DOG, EEL, CAT])
    table.resize(400, 200)
    table.show()
    return table


def names(table) -> list[str]:
    return [table.model().index(row, 0).data() for row in range(table.model().rowCount())]


def click(table, row, column=0, keys=Qt.KeyboardModifier.NoModifier) -> None:
    at = table.visualRect(table.model().index(row, column)).center()
    QTest.mouseClick(table.viewport(), LEFT, keys, at)


def click_head(table, column) -> None:
    head = table.horizontalHeader()
    at = QPoint(head.sectionViewportPosition(column) + 12, head.height() // 2)
    QTest.mouseClick(head.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, at)


def test_a_click_on_a_heading_sorts_unknown_values_stay_last_and_a_third_click_undoes_it(view):
    assert names(view) == ["Dog", "=eel", "cat"]
    orders = []
    for _ in range(3):
        click_head(view, 1)
        orders.append(names(view))
    assert orders == [["cat", "Dog", "=eel"], ["Dog", "cat", "=eel"], ["Dog", "=eel", "cat"]]
    click_head(view, 0)
    assert names(view) == ["=eel", "cat", "Dog"]
    click_head(view, 2)
    assert names(view) == ["Dog", "=eel", "cat"]


def test_what_is_selected_stays_so_while_rows_are_sorted_changed_added_and_taken_away(view):
    click(view, 2)
    click_head(view, 1)
    assert [row.name for row in view.chosen_rows()] == ["cat"]
    better = replace(CAT, iou=0.9)
    view.model().show_rows([DOG, EEL, better])
    assert names(view) == ["Dog", "cat", "=eel"]
    assert view.chosen_rows() == [better]
    view.model().show_rows([Score("ant", 0.1), DOG, better])
    assert names(view) == ["ant", "Dog", "cat"]
    assert view.chosen_rows() == [better]
    assert view.currentIndex().row() == 2
    view.model().show_rows([DOG])
    assert view.chosen_rows() == []


def test_the_headings_do_not_look_at_every_row_when_all_are_selected(qtbot):
    asked = []

    class Asked(TableModel):
        def flags(self, index):
            asked.append(index.row())
            return super().flags(index)

    model = Asked(COLUMNS, lambda r: r.name)
    many = QAbstractItemView.SelectionMode.ExtendedSelection
    table = TableView(model, "Scores", sorting=UNSORTED, choosing=many)
    qtbot.addWidget(table)
    model.show_rows([Score(f"name {n}", 0.5) for n in range(3000)])
    table.show()
    table.selectAll()
    asked.clear()
    table.horizontalHeader().grab()
    assert len(asked) < 100
    assert len(table.selectionModel().selectedRows()) == 3000


def test_clicks_and_keys_tell_the_row_and_a_choice_by_the_program_does_not(view):
    told = []
    view.reached.connect(lambda row: told.append(row.name))
    view.choose("=eel")
    assert view.chosen_rows() == [EEL]
    assert told == []
    click(view, 0, 1)
    QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_End)
    QTest.keyClick(view, Qt.Key.Key_Down)  # there is no further row
    assert told == ["Dog", "=eel", "cat"]
    view.choose("gone")
    assert view.chosen_rows() == []


def test_ctrl_c_copies_the_chosen_rows_or_all_with_all_digits_and_no_formulas(view):
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == (
        "Class\tIoU\tVotes\nDog\t0.875\t0 votes\n'=eel\t\t1 votes\ncat\t0.25\t2 votes\n"
    )
    click(view, 2)
    click(view, 0, keys=Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == (
        "Class\tIoU\tVotes\nDog\t0.875\t0 votes\ncat\t0.25\t2 votes\n"
    )


def test_cells_tell_what_they_show(view):
    model, role = view.model(), Qt.ItemDataRole
    assert model.index(1, 1).data() == "\u2013"
    assert model.index(1, 1).data(BAR) is None
    assert model.index(0, 1).data(BAR) == 0.875
    assert model.index(0, 1).data(role.FontRole).bold()
    assert model.index(2, 2).data(SWATCHES) == (BLACK, RED)
    assert model.index(2, 2).data() == ""
    assert model.index(2, 2).data(role.AccessibleTextRole) == "2 votes"
    assert model.headerData(0, Qt.Orientation.Horizontal, role.ToolTipRole) == "The class"
    model.show_rows([Score("<b>x</b>", 0.1)])
    assert model.index(0, 0).data(role.ToolTipRole) == "<span>&lt;b&gt;x&lt;/b&gt;</span>"


def test_a_bar_is_as_long_as_its_value_and_keeps_its_colour_in_a_chosen_row(view):
    click(view, 0)
    box = view.visualRect(view.model().index(0, 1))
    image = view.viewport().grab().toImage()
    y = box.bottom() - 2
    red = [x for x in range(box.left(), box.right()) if image.pixelColor(x, y) == RED]
    whole = box.width() - 8
    assert red[0] == box.left() + 4
    assert len(red) == pytest.approx(0.875 * whole, abs=1)
    tinted = image.pixelColor(box.left() - 4, box.top() + 2)
    assert tinted == view.palette().highlight().color()


def test_a_column_to_spare_is_left_out_where_the_others_would_not_fit(view):
    assert not view.isColumnHidden(2)
    assert sum(view.columnWidth(c) for c in range(3)) == view.viewport().width()
    view.resize(150, 200)
    assert view.isColumnHidden(2)
    assert view.columnWidth(0) + view.columnWidth(1) == view.viewport().width()
    view.resize(400, 200)
    assert not view.isColumnHidden(2)


def test_a_width_that_the_user_gave_stays(view):
    head = view.horizontalHeader()
    edge = QPoint(head.sectionViewportPosition(2) - 1, head.height() // 2)
    QTest.mousePress(head.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, edge)
    QTest.mouseMove(head.viewport(), edge + QPoint(30, 0))
    QTest.mouseRelease(head.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, edge + QPoint(30, 0))
    width = view.columnWidth(1)
    view.model().show_rows([CAT])
    view.resize(500, 200)
    assert view.columnWidth(1) == width
    assert sum(view.columnWidth(c) for c in range(3)) == view.viewport().width()


def test_a_width_given_to_a_column_without_a_heading_is_that_of_no_other(qtbot):
    signs = [Column[Score]("", lambda r: "", icon=lambda r: None) for _ in range(3)]
    table = TableView(TableModel((*signs, COLUMNS[0]), lambda r: r.name), "Scores")
    qtbot.addWidget(table)
    table.model().show_rows([CAT])
    table.resize(400, 200)
    table.show()
    before = [table.columnWidth(place) for place in range(3)]
    table.setColumnWidth(1, 70)  # as dragging its edge does
    table.fit_columns()
    assert [table.columnWidth(place) for place in range(3)] == [before[0], 70, before[2]]


def test_columns_are_as_wide_as_their_widest_text_bold_and_in_lines_up_to_a_limit(qtbot):
    columns = (
        Column[Score]("A", lambda r: r.name, emphasis=lambda _row: Emphasis.STRONG),
        Column[Score]("B", lambda r: r.name),
        Column[Score]("C", lambda r: r.name, most=40),
        Column[Score]("D", lambda r: r.name, sample="wide"),
    )
    table = TableView(TableModel(columns, lambda r: r.name), "Scores")
    qtbot.addWidget(table)
    table.resize(100, 100)
    table.show()
    table.model().show_rows([Score("short", 0), Score("a line of text\nand another", 0)])
    bold = QFont(table.font())
    bold.setBold(True)
    widths = [table.columnWidth(place) for place in range(4)]
    assert 0 < widths[0] - QFontMetrics(bold).horizontalAdvance("a line of text") < 20
    assert 0 < widths[1] - table.fontMetrics().horizontalAdvance("a line of text") < 20
    assert 40 <= widths[2] < 50
    assert 0 < widths[3] - table.fontMetrics().horizontalAdvance("wide") < 20


def test_a_table_that_has_no_order_of_its_own_is_always_sorted(qtbot):
    model = TableModel(COLUMNS, lambda r: r.name)
    table = TableView(model, "Scores", sorting=(1, Qt.SortOrder.DescendingOrder))
    qtbot.addWidget(table)
    model.show_rows([CAT, EEL, DOG])
    table.resize(400, 200)
    table.show()
    assert names(table) == ["Dog", "cat", "=eel"]
    for wanted in ("cat", "Dog", "cat"):
        click_head(table, 1)
        assert names(table)[0] == wanted


def test_rows_that_cannot_be_chosen_are_passed_over(qtbot):
    model = TableModel(COLUMNS, lambda r: r.name, is_enabled=lambda r: not math.isnan(r.iou))
    table = TableView(model, "Scores")
    qtbot.addWidget(table)
    model.show_rows([DOG, EEL, CAT])
    table.resize(400, 200)
    table.show()
    told = []
    table.reached.connect(lambda row: told.append(row.name))
    click(table, 1)
    assert told == []
    click(table, 0)
    QTest.keyClick(table, Qt.Key.Key_Down)
    assert told == ["Dog", "cat"]
    click_head(table, 1)
    assert names(table) == ["Dog", "=eel", "cat"]


def test_a_cell_that_can_be_edited_tells_what_was_typed(qtbot):
    told = []
    columns = (
        Column[Score]("Class", lambda r: f"{r.name} (ignored)", entry=lambda r: r.name,
                      entered=lambda row, text: told.append((row.name, text))),
        Column[Score]("IoU", lambda r: ratio_text(r.iou)),
    )  # fmt: skip
    table = TableView(TableModel(columns, lambda r: r.name), "Scores")
    qtbot.addWidget(table)
    table.model().show_rows([CAT])
    table.show()

    def type_into(column: int, text: str) -> None:
        at = table.visualRect(table.model().index(0, column)).center()
        qtbot.mouseClick(table.viewport(), LEFT, pos=at)
        qtbot.mouseDClick(table.viewport(), LEFT, pos=at)
        for editor in table.findChildren(QLineEdit):
            assert editor.text() == "cat"
            editor.selectAll()
            qtbot.keyClicks(editor, text)
            qtbot.keyClick(editor, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: not table.findChildren(QLineEdit))

    type_into(1, "7")
    type_into(0, "cat ")
    assert told == []
    type_into(0, " lion")
    assert told == [("cat", "lion")]


def test_other_columns_come_with_their_rows(view):
    more = Column[Score]("Name", lambda r: r.name.upper())
    view.model().show_rows([CAT, DOG], (COLUMNS[0], more))
    assert view.model().columnCount() == 2
    assert view.model().index(0, 1).data() == "CAT"


def test_all_rows_are_seen_although_columns_that_do_not_fit_are_scrolled(qtbot):
    columns = tuple(Column[Score](f"Wide {n}", lambda r: r.name * 20) for n in range(4))
    model = TableModel(columns, lambda r: r.name)
    table = TableView(model, "Wide")
    qtbot.addWidget(table)
    table.keep_whole()
    table.resize(300, 40)
    table.show()
    model.show_rows([DOG, CAT])
    qtbot.waitUntil(lambda: table.horizontalScrollBar().isVisible())

    def last_row_is_whole() -> bool:
        last = table.visualRect(model.index(1, 0))
        return table.viewport().rect().contains(last.adjusted(0, 0, -last.width() + 1, 0))

    qtbot.waitUntil(last_row_is_whole, timeout=2000)
    table.resize(4000, table.height())
    bare = table.height_of(2)
    qtbot.waitUntil(lambda: table.height() <= bare + 2)


def test_text_stands_twelve_pixels_from_the_rims_of_a_table(view):
    view.resize(400, 200)
    head = view.horizontalHeader().grab().toImage()
    body = view.viewport().grab().toImage()
    for picture, rows in ((head, range(2, head.height() - 2)), (body, range(2, 20))):
        dark = [
            x for x in range(60) if any(picture.pixelColor(x, y).lightness() < 120 for y in rows)
        ]
        assert 11 <= dark[0] <= 14, dark


def test_headings_have_12_pixels(view, qapp):
    theme = qapp.findChild(Theme) or Theme(qapp)
    theme.choose("light")
    font = QFont(view.font())
    font.setPixelSize(15)
    view.setFont(font)
    assert view.horizontalHeader().fontInfo().pixelSize() == 12


def test_the_ring_stays_when_the_window_was_left_and_is_active_again(view):
    def come(reason) -> bool:
        QApplication.sendEvent(view, QFocusEvent(QEvent.Type.FocusIn, reason))
        row = view.visualRect(view.model().index(0, 0))
        seen = view.viewport().grab().toImage()
        accent = view.palette().color(QPalette.ColorRole.Accent)
        return seen.pixelColor(200, row.top()) == accent

    view.activateWindow()
    view.setFocus(Qt.FocusReason.TabFocusReason)
    QApplication.processEvents()
    view.choose("dog")
    assert view.hasFocus()
    assert come(Qt.FocusReason.TabFocusReason)
    assert come(Qt.FocusReason.ActiveWindowFocusReason)
    assert come(Qt.FocusReason.OtherFocusReason)
    assert not come(Qt.FocusReason.MouseFocusReason)
    assert not come(Qt.FocusReason.PopupFocusReason)
