"""The right column: one table of classes and scores, and panels that fold to a line."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QFont
from PySide6.QtWidgets import QApplication, QToolButton, QWidget

from segstudio.annotation.ui.class_table import BAR_AT, EYE, FIRST, NAME, SECOND
from segstudio.kit.focus_chain import next_in_chain
from segstudio.kit.table_model import BAR
from segstudio.kit.theme import LIGHT
from segstudio.session.session import What

LEFT, TAB = Qt.MouseButton.LeftButton, Qt.FocusPolicy.TabFocus
NO_BREAK = "\N{NO-BREAK SPACE}"


def frame(bench, name):
    return bench.window.docks.by_name[name].widget()


def narrow(bench) -> None:
    """The right column as wide as at the first start at 1280 x 800."""
    bench.window.resize(1280, 772)
    dock = bench.window.docks.by_name["Classes"]
    bench.window.resizeDocks([dock], [300], Qt.Orientation.Horizontal)
    bench.settle()


@pytest.fixture
def scored(bench):
    """A window with the scores of the first image, the column 300 pixels wide."""
    bench.studio.segmenting.run_current()
    bench.until(lambda: bench.studio.scoring.of_image() is not None)
    narrow(bench)
    return bench


@pytest.fixture
def widest(scored, qapp):
    """The same in the widest font that a system may have."""
    before = qapp.font()
    font = QFont(before)
    font.setFamilies(["DejaVu Sans"])
    qapp.setFont(font)
    narrow(scored)
    yield scored
    qapp.setFont(before)


def cell(bench, row: int, column: int) -> str:
    return bench.window.classes.model.index(row, column).data()


def open_more(bench, *, folder: bool = False) -> None:
    classes = bench.window.classes
    bench.qtbot.mouseClick(classes.more, LEFT)
    if folder:
        bench.qtbot.mouseClick(classes.details.scope.button("Folder"), LEFT)
    bench.settle()


@pytest.mark.parametrize("figures", ["IoU", "Precision", "Pixels"])
def test_every_name_and_figure_is_read_whole_in_the_widest_font(widest, figures, monkeypatch):
    scored = widest
    open_more(scored)
    classes = scored.window.classes
    rows = {r.class_id: r for r in scored.studio.scoring.rows(scored.studio.scoring.of_image())}
    rows[0] = replace(rows[0], truth_pixels=1_222_079, predicted_pixels=99_499)
    monkeypatch.setattr(scored.studio.scoring, "rows", lambda _metrics: list(rows.values()))
    scored.qtbot.mouseClick(classes.details.figures.button(figures), LEFT)
    scored.session.set_view(active_class=0)
    scored.settle()
    table = classes.view
    assert frame(scored, "Classes").width() <= 300
    for bar in (table.horizontalScrollBar(), frame(scored, "Classes").horizontalScrollBar()):
        assert bar.maximum() == 0
    for column in (NAME, FIRST, SECOND):
        font = QFont(table.font())
        font.setWeight(QFont.Weight.DemiBold)
        for row in range(3):
            text = cell(scored, row, column)
            needed = table.fontMetrics().__class__(font).horizontalAdvance(text)
            assert text
            assert needed + 6 <= table.columnWidth(column), text
    for part in (classes.details.scope, classes.details.figures, classes.details.save):
        assert part.mapTo(classes, QPoint(part.width(), 0)).x() <= classes.width()


def test_what_more_opens_says_all_that_is_known_of_the_figures(scored):
    scored.studio.editing.use_prediction()
    scored.until(lambda: cell(scored, 1, FIRST) == "1.000")
    open_more(scored)
    details = scored.window.classes.details
    assert details.sides.text().startswith("Fake U-Net against your annotation (edited ")
    assert details.sides.text().endswith(", started from Fake U-Net)")
    assert details.warning.text() == "Partly this model's own pixels: the score says little."
    assert details.means.text().startswith("With background: mean IoU 1.000, Dice 1.000.")
    assert "2 of 3 classes" in details.means.text()
    assert details.accuracy.text().startswith(f"Pixel accuracy 100.0{NO_BREAK}%")
    tip = scored.window.classes.header.note.toolTip()
    assert scored.window.classes.header.note.whole == "Fake U-Net"
    assert tip.startswith("IoU and Dice: Fake U-Net against your annotation")


def test_what_more_opens_says_whether_the_model_is_as_right_as_it_says(scored, folder):
    open_more(scored)
    text = scored.window.classes.details.calibration.text
    red = cv2.imread(str(folder / "field_0.png"))[..., 2]
    truth = cv2.imread(str(folder / "masks" / "field_0.png"), cv2.IMREAD_UNCHANGED)
    # one confidence for all pixels, 200 of 255
    error = abs(200 / 255 - float(((red > 100) == truth).mean()))
    said = f"Calibration error {100 * error:.1f}{NO_BREAK}%"
    scored.until(lambda: text().startswith(said))
    scored.studio.editing.use_prediction()  # all right now: 1 - 200 / 255 is 21.6 %
    scored.until(lambda: text().startswith(f"Calibration error 21.6{NO_BREAK}%"))
    scored.qtbot.mouseClick(scored.window.classes.details.scope.button("Folder"), LEFT)
    scored.until(lambda: not scored.window.classes.details.calibration.isVisible())


def test_precision_recall_and_pixels_are_those_counted_by_hand(scored, folder):
    truth = cv2.imread(str(folder / "masks" / "field_0.png"), cv2.IMREAD_GRAYSCALE)
    found = np.broadcast_to((np.arange(48) * 5 > 100).astype(np.uint8), truth.shape)
    open_more(scored)
    figures = scored.window.classes.details.figures
    figures.button("Precision").setFocus()
    scored.qtbot.keyClick(figures.button("Precision"), Qt.Key.Key_Space)
    scored.settle()
    both = [int(((truth == c) & (found == c)).sum()) for c in range(3)]
    precision = both[0] / int((found == 0).sum())
    recall = both[0] / int((truth == 0).sum())
    assert [cell(scored, 0, column) for column in (FIRST, SECOND)] == [
        f"{precision:.3f}", f"{recall:.3f}",
    ]  # fmt: skip
    scored.qtbot.keyClick(figures.button("Precision"), Qt.Key.Key_Right)
    scored.settle()
    assert figures.text == "Pixels"
    for class_id in range(3):
        pixels = [int((labels == class_id).sum()) for labels in (truth, found)]
        shown = [cell(scored, class_id, column) for column in (FIRST, SECOND)]
        assert shown == [f"{count:,}" for count in pixels]


def test_the_tab_key_reaches_the_figures_that_are_shown(scored):
    figures = scored.window.classes.details.figures

    def stops() -> list[str]:
        tab = Qt.FocusPolicy.TabFocus
        texts = ("IoU", "Precision", "Pixels")
        return [text for text in texts if figures.button(text).focusPolicy() & tab]

    assert stops() == ["IoU"]
    open_more(scored)
    figures.button("IoU").setFocus()
    scored.qtbot.keyClick(figures.button("IoU"), Qt.Key.Key_Right)
    assert (figures.text, stops()) == ("Precision", ["Precision"])
    assert figures.button("Precision").hasFocus()
    scored.qtbot.mouseClick(scored.window.classes.more, LEFT)
    assert (figures.text, stops()) == ("IoU", ["IoU"])


def test_its_key_opens_more_and_closes_it_again(scored):
    classes = scored.window.classes
    press = Qt.Key.Key_I, Qt.KeyboardModifier.ShiftModifier
    scored.window.canvas.setFocus()
    scored.qtbot.keyClick(scored.window, *press)
    assert classes.details.isVisible()
    assert classes.more.hasFocus()
    classes.details.figures.choose("Pixels")
    scored.until(scored.window.commands["panel.metrics"].isChecked)
    scored.qtbot.keyClick(scored.window, *press)
    assert not classes.details.isVisible()
    scored.settle()
    assert scored.window.classes.model.columns[FIRST].title == "IoU"
    scored.window.docks.by_name["Classes"].close()
    scored.qtbot.keyClick(scored.window, *press)
    assert classes.details.isVisible()


def test_the_bar_is_as_long_as_the_iou_and_its_colour_is_the_themes(scored):
    iou = scored.studio.scoring.of_image().iou
    table = scored.window.classes.view
    index = table.model().index(1, BAR_AT)
    assert index.data(BAR) == pytest.approx(float(iou[1]))
    box = table.visualRect(index)
    row = table.viewport().grab(box).toImage()
    line = [row.pixelColor(x, box.height() // 2).name() for x in range(box.width())]
    whole = box.width() - 8
    assert line.count(LIGHT.bar) == pytest.approx(whole * float(iou[1]), abs=1.5)
    assert line.count(LIGHT.track) == pytest.approx(whole * (1 - float(iou[1])), abs=1.5)


def test_of_many_classes_the_table_scrolls_and_nothing_else(bench):
    bench.window.resize(1280, 772)
    for number in range(3, 150):
        bench.studio.schema_keeper.add_class(f"street furniture {number}")
    open_more(bench)
    bench.window.docks.open("Model")
    bench.window.docks.open("Disagreement")
    narrow(bench)
    classes = bench.window.classes
    assert classes.view.verticalScrollBar().maximum() > 0
    assert frame(bench, "Classes").verticalScrollBar().maximum() == 0
    assert frame(bench, "Model").horizontalScrollBar().maximum() == 0
    assert classes.view.viewport().height() >= 2 * 28
    bench.qtbot.mouseClick(classes.more, LEFT)
    for name in ("Model", "Disagreement"):
        bench.window.docks.toggle(name)
    bench.until(lambda: classes.view.viewport().height() > 400)


def test_few_classes_leave_the_rest_of_the_column_empty(scored):
    table = scored.window.classes.view
    assert table.viewport().height() == pytest.approx(3 * 28, abs=3)
    assert table.rowHeight(0) == 28
    assert table.horizontalHeader().height() == 24


def test_without_scores_the_names_get_the_room_and_a_line_says_what_to_do(bench):
    narrow(bench)
    classes = bench.window.classes
    assert classes.missing.text() == "Run a model (F5) to see its scores."
    assert not classes.means.isVisible()
    assert [classes.view.isColumnHidden(c) for c in (BAR_AT, FIRST, SECOND)] == [True] * 3
    bench.studio.segmenting.run_current()
    bench.until(classes.means.isVisible)
    assert [classes.view.isColumnHidden(c) for c in (FIRST, SECOND)] == [False] * 2
    assert not classes.missing.isVisible()


def test_without_ground_truth_the_line_does_not_ask_for_a_model_alone(bench, tmp_path, folder):
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "a.png").write_bytes((folder / "field_0.png").read_bytes())
    bench.open(bare)
    bench.settle()
    assert bench.window.classes.missing.text().startswith("No ground truth for this image")


def test_keys_hide_rename_and_open_the_menu_of_a_class(bench):
    classes = bench.window.classes
    bench.session.set_view(active_class=2)
    classes.view.setFocus(Qt.FocusReason.TabFocusReason)
    bench.qtbot.keyClick(classes.view, Qt.Key.Key_Space)
    assert bench.session.view.hidden_classes == {2}
    bench.settle()
    spoken = classes.model.index(2, EYE).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "hidden"
    bench.qtbot.keyClick(classes.view, Qt.Key.Key_F2)
    assert classes.view.state() == classes.view.State.EditingState
    bench.qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    classes.show_only.trigger()
    assert bench.session.view.hidden_classes == {0, 1}
    classes.show_all.trigger()
    assert bench.session.view.hidden_classes == frozenset()


def test_the_name_of_a_class_is_no_key_of_its_menu(bench):
    bench.studio.schema_keeper.rename_class(1, "salt\t& pepper")
    bench.session.set_view(active_class=1)
    bench.window.classes.class_menu.aboutToShow.emit()
    assert bench.window.classes.rename.text() == "Rename “salt\\t&& pepper”\tF2"


@pytest.mark.parametrize("has_figures", [True, False])
def test_what_stays_the_same_is_not_laid_out_again(scored, has_figures):
    table, sizes = scored.window.classes.view, []
    table.has_figures = has_figures
    table.fit_columns()
    table.horizontalHeader().sectionResized.connect(lambda *change: sizes.append(change))
    table.fit_columns()
    assert sizes == []


def test_folding_all_writes_the_layout_once(bench, monkeypatch):
    from segstudio.window.main_window import LayoutStore

    folds, opened = bench.window.docks.folds, []
    for name in ("Model", "Objects", "Disagreement"):
        folds.fold(name, folded=False)
    path = bench.window.layout_store._path
    bench.until(lambda: path.exists() and LayoutStore(path).kept("folded") == "-")
    before = path.read_text()
    monkeypatch.setattr(
        LayoutStore,
        "_open",
        lambda store, open_=LayoutStore._open: (opened.append(1), open_(store))[1],
    )
    folds.fold_all()
    assert not opened
    bench.until(lambda: bool(opened))
    bench.settle()
    assert len(opened) == 1
    assert path.read_text() != before
    monkeypatch.undo()
    assert set(LayoutStore(path).kept("folded").split(",")) == {
        "Model", "Objects", "Disagreement",
    }  # fmt: skip


def test_a_right_click_makes_the_class_active_and_its_menu_acts_on_it(bench):
    classes = bench.window.classes
    table = classes.view
    bench.session.set_view(active_class=0)
    place = table.visualRect(classes.model.index(1, NAME)).center()
    reason = QContextMenuEvent.Reason.Mouse
    click = QContextMenuEvent(reason, place, table.viewport().mapToGlobal(place))
    QApplication.sendEvent(table.viewport(), click)
    bench.until(classes.class_menu.isVisible)
    assert bench.session.view.active_class == 1
    assert classes.rename.text().startswith("Rename “class 1”")
    assert classes.remove.isEnabled()
    classes.class_menu.close()
    bench.session.set_view(active_class=0)
    classes.class_menu.aboutToShow.emit()
    assert not classes.remove.isEnabled()


def test_the_row_of_the_keys_is_ringed_and_that_of_the_mouse_is_not(scored):
    table = scored.window.classes.view
    scored.session.set_view(active_class=1)
    row = table.visualRect(table.model().index(1, NAME))

    def ring() -> bool:
        seen = table.viewport().grab().toImage()
        line = [seen.pixelColor(x, row.top()).name() for x in range(60, 200)]
        return line.count(LIGHT.accent) > 130

    scored.window.canvas.setFocus()
    assert not ring()
    table.setFocus(Qt.FocusReason.TabFocusReason)
    scored.settle()
    assert ring()
    scored.qtbot.mouseClick(table.viewport(), LEFT, pos=row.center())
    scored.settle()
    assert not ring()


def test_the_model_is_a_line_that_opens_and_is_as_it_was_at_the_next_start(make_window, folder):
    first = make_window()
    first.open(folder)
    narrow(first)
    dock = first.window.docks.by_name["Model"]
    assert dock.height() == pytest.approx(32, abs=2)
    assert not first.window.model.device.isVisible()
    first.qtbot.mouseClick(first.window.model.header.title, LEFT)
    first.settle()
    assert first.window.model.device.isVisible()
    assert first.window.commands["panel.model"].isChecked()
    assert frame(first, "Model").verticalScrollBar().maximum() == 0
    title = first.window.model.header.title
    title.setFocus(Qt.FocusReason.TabFocusReason)
    first.qtbot.keyClick(title, Qt.Key.Key_Space)
    first.until(lambda: dock.height() == pytest.approx(32, abs=2))
    first.window.commands.run("panel.disagreement")
    first.window.close()
    first.studio.close()
    second = make_window()
    second.open(folder)
    second.settle()
    folds = second.window.docks.folds
    assert (folds.folded("Model"), folds.folded("Disagreement")) == (True, False)
    second.window.commands.run("view.reset_layout")
    assert folds.folded("Disagreement")


def test_a_click_on_the_line_beside_the_name_opens_the_card_and_a_drag_does_not(bench):
    note, model = bench.window.model.header.note, bench.window.model
    assert model.header.folded
    bench.qtbot.mouseClick(note, Qt.MouseButton.LeftButton)
    bench.until(lambda: not model.header.folded)
    far = note.rect().center() + QPoint(0, 60)
    bench.qtbot.mousePress(note, Qt.MouseButton.LeftButton)
    bench.qtbot.mouseRelease(note, Qt.MouseButton.LeftButton, pos=far)
    bench.settle()
    assert not model.header.folded
    bench.qtbot.mouseClick(note, Qt.MouseButton.LeftButton)
    bench.until(lambda: model.header.folded)


def test_what_must_be_known_before_a_run_is_seen_on_the_folded_card(bench, fake_engine, folder):
    bench.session.models = fake_engine("bright").specs()
    bench.session.notify(What.MODELS)
    narrow(bench)
    panel = bench.window.model
    bench.until(panel.doubt.isVisible)
    assert panel.header.folded
    assert "none of the model's classes" in panel.doubt.text()
    panel.doubt.linkActivated.emit("open")
    assert not panel.header.folded
    bench.studio.schema_keeper.rename_class(1, "bright")
    bench.until(panel.doubt.isHidden)
    panel.header.fold_asked.emit()
    bench.settle()
    assert bench.window.docks.by_name["Model"].height() == pytest.approx(32, abs=2)
    bench.session.model = replace(bench.session.model, available=frozenset())
    bench.session.notify(What.MODELS)
    bench.until(panel.download.isVisible)
    assert panel.header.folded


def test_shift_m_opens_the_disagreement_and_folds_it_again(bench):
    press = Qt.Key.Key_M, Qt.KeyboardModifier.ShiftModifier
    bench.window.canvas.setFocus()
    dock = bench.window.docks.by_name["Disagreement"]
    assert dock.height() == pytest.approx(32, abs=2)
    bench.qtbot.keyClick(bench.window, *press)
    bench.until(lambda: dock.height() > 290)
    assert bench.window.disagreement.run_models.isVisible()
    bench.qtbot.keyClick(bench.window, *press)
    bench.until(lambda: dock.height() == pytest.approx(32, abs=2))
    assert bench.window.docks.shown("Disagreement")


def test_every_button_of_the_column_has_a_name_a_tip_and_takes_the_tab_key(scored):
    open_more(scored)
    for name in ("Model", "Objects", "Disagreement"):
        scored.window.docks.open(name)
    for name in ("Classes", "Model", "Objects", "Disagreement"):
        dock = scored.window.docks.by_name[name]
        buttons = [b for b in dock.findChildren(QToolButton) if b.isVisible()]
        assert buttons
        for button in buttons:
            assert button.accessibleName() or button.text(), button
            assert button.toolTip(), button.text()
            group = button.group()  # of which Qt lets Tab reach the one that is on
            stop = button if group is None else group.checkedButton()
            assert stop.focusPolicy() & Qt.FocusPolicy.TabFocus, button.toolTip()


def test_the_tab_key_comes_to_all_that_takes_it_in_the_panels(bench):
    window, order = bench.window, []
    at = next_in_chain(window)
    while at is not window:
        order.append(at)
        at = next_in_chain(at)
    for panel in window.docks.panels():
        inside = [w for w in panel.findChildren(QWidget) if w.window() is window]  # no list opened
        stops = [w for w in inside if w.focusPolicy() & TAB]
        assert stops
        header = window.docks.by_name[panel.header.accessibleName()].titleBarWidget()
        above = [w for w in header.findChildren(QToolButton) if w.focusPolicy() & TAB]
        assert above
        assert set(stops) | set(above) <= set(order), panel
        assert max(map(order.index, above)) < min(map(order.index, stops)), panel


def test_tab_goes_from_the_buttons_of_the_classes_into_their_table(bench):
    classes = bench.window.classes
    classes.menu_button.setFocus(Qt.FocusReason.TabFocusReason)
    bench.qtbot.keyClick(classes.menu_button, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is classes.view


def test_no_button_of_an_open_panel_is_out_of_sight_while_others_have_room_to_spare(scored):
    """At 1280 x 800 all three are too high for that; a larger window has room for all."""
    window = scored.window
    for name in ("Objects", "Disagreement"):
        window.docks.folds.fold(name, folded=False)
    scored.settle()
    window.resize(1600, 1000)
    for high in (150, 260):  # as they are after a start in a small window
        docks = [window.docks.by_name[name] for name in ("Objects", "Disagreement")]
        window.resizeDocks(docks, [high, 120], Qt.Orientation.Vertical)
        scored.settle()
        for name in ("Objects", "Disagreement"):
            assert not frame(scored, name).verticalScrollBar().isVisible(), name


def test_objects_are_listed_at_once_where_there_are_any_until_the_user_folds_them(
    make_window, folder, tmp_path
):
    cells = tmp_path / "cells"
    (cells / "instances").mkdir(parents=True)
    ids = np.zeros((48, 64), np.uint16)
    ids[4:10, 4:10], ids[20:30, 30:44] = 1, 2
    for name in "ab":
        cv2.imwrite(str(cells / f"{name}.png"), np.full((48, 64, 3), 90, np.uint8))
        cv2.imwrite(str(cells / "instances" / f"{name}.png"), ids)
    home = tmp_path / "home"
    bench = make_window(home)
    bench.open(folder)
    bench.settle()
    assert not bench.window.docks.opened("Objects")  # a class map has none
    bench.open(cells)
    listed = bench.window.object_list
    bench.until(lambda: [row.id for row in listed.model.rows] == [1, 2])
    assert bench.window.docks.opened("Objects")
    bench.qtbot.mouseClick(listed.header, LEFT, pos=QPoint(120, 12))
    bench.until(lambda: not bench.window.docks.opened("Objects"))
    bench.studio.browsing.step(1)
    bench.until(lambda: listed.header.note.text() == "2")
    bench.settle()
    assert not bench.window.docks.opened("Objects")
    bench.window.close()
    again = make_window(home)
    again.open(cells)
    again.until(lambda: again.window.object_list.header.note.text() == "2")
    again.settle()
    assert not again.window.docks.opened("Objects")
