"""Journeys through the real window with fake models."""

from __future__ import annotations

import csv
import io
import re
import time

import cv2
import numpy as np
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QFileDialog, QLineEdit
from windows import write_pictures

from segstudio.annotation.ui.class_dialogs import IgnoredClassDialog
from segstudio.annotation.ui.class_table import FIRST, NAME, SECOND
from segstudio.annotation.ui.export_dialog import ExportDialog, ExportReportDialog
from segstudio.session.session import What

OK = QDialogButtonBox.StandardButton.Ok


def _dialog(bench, kind) -> QDialog:
    bench.until(lambda: bench.window.findChildren(kind) != [])
    return bench.window.findChildren(kind)[-1]


def _iou(truth, prediction, class_id) -> float:
    """By sets of pixels, not by the code under test."""
    t = set(map(tuple, np.argwhere(truth == class_id)))
    p = set(map(tuple, np.argwhere(prediction == class_id)))
    return len(t & p) / len(t | p)


def _red_above_100() -> np.ndarray:
    """What the fake model answers: red is 5 times the column."""
    return np.broadcast_to((np.arange(48) * 5 > 100).astype(np.uint8), (32, 48))


def _truth(folder, number: int) -> np.ndarray:
    return cv2.imread(str(folder / "masks" / f"field_{number}.png"), cv2.IMREAD_GRAYSCALE)


def test_dropping_a_folder_opens_it_and_lists_its_images(bench, tmp_path):
    folder, before = write_pictures(tmp_path / "dropped"), bench.session.project
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    drop = QDropEvent(
        QPointF(50, 300), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    bench.window.dropEvent(drop)
    bench.until(lambda: bench.session.project is not before)
    bench.until(lambda: bench.session.document is not None)
    assert bench.session.project.root == folder
    assert bench.window.images.model.stringList() == [f"field_{n}.png" for n in range(3)]
    bench.until(lambda: "field_0.png[*] - dropped" in bench.window.windowTitle())
    assert bench.window.images.count.text() == "3"


def test_f5_runs_the_model_and_shows_the_scores_worked_out_by_hand(bench, folder, qtbot):
    qtbot.keyClick(bench.window, Qt.Key.Key_F5)
    bench.until(lambda: (0, "fake-semantic") in bench.session.counts)
    truth, prediction = _truth(folder, 0), _red_above_100()
    classes = bench.window.classes.model
    bench.until(lambda: classes.index(0, FIRST).data() != "")
    for class_id in range(3):
        iou = _iou(truth, prediction, class_id)
        shown = [classes.index(class_id, column).data() for column in (FIRST, SECOND)]
        assert shown == [f"{iou:.3f}", f"{2 * iou / (1 + iou):.3f}"]
    of_all = np.mean([_iou(truth, prediction, c) for c in range(3)])
    line = re.sub("<[^>]*>", "", bench.window.classes.means.text())
    mean = np.mean([_iou(truth, prediction, c) for c in (1, 2)])
    assert line.startswith(f"Foreground IoU {mean:.3f}, Dice ")
    assert f"With background: mean IoU {of_all:.3f}" in bench.window.classes.means.toolTip()


def test_the_accuracy_line_names_the_frequent_class_and_what_guessing_it_scores(
    bench, folder, qtbot
):
    bench.studio.segmenting.run_current()
    bench.until(lambda: bench.studio.scoring.of_image() is not None)
    bench.until(bench.window.classes.means.isVisible)
    qtbot.mouseClick(bench.window.classes.more, Qt.MouseButton.LeftButton)
    accuracy_line = bench.window.classes.details.accuracy
    bench.until(lambda: bool(accuracy_line.text()))
    truth = _truth(folder, 0)
    share = np.mean(truth == 0)
    accuracy = np.mean(truth == _red_above_100())
    text = accuracy_line.text().replace("\N{NO-BREAK SPACE}", " ")
    assert f"Pixel accuracy {100 * accuracy:.1f} %: misleading" in text
    assert f"“background” everywhere would score {100 * share:.1f} %" in text


def test_painting_changes_scores_and_undo_takes_it_back(bench, qtbot):
    bench.studio.segmenting.run_current()
    bench.until(lambda: (0, "fake-semantic") in bench.session.counts)
    before = bench.session.counts[0, "fake-semantic"]
    qtbot.keyClick(bench.window, Qt.Key.Key_B)
    viewport = bench.window.canvas.viewport
    centre = viewport.rect().center()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=centre)
    qtbot.mouseMove(viewport, centre + QPoint(20, 4))
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=centre + QPoint(20, 4))
    assert bench.session.document.dirty
    assert bench.session.counts[0, "fake-semantic"] != before
    bench.until(bench.window.commands["edit.undo"].isEnabled)
    qtbot.keyClick(bench.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert bench.session.counts[0, "fake-semantic"] == before


def test_a_late_result_stays_with_its_image(bench, qtbot):
    bench.engine.gate.clear()
    bench.studio.segmenting.run_current()
    qtbot.keyClick(bench.window, Qt.Key.Key_D)
    bench.until(lambda: bench.session.index == 1)
    bench.engine.gate.set()
    bench.until(lambda: bool(bench.session.state(0).runs))
    assert bench.session.document.ref.name == "field_1.png"
    assert not bench.session.document.predictions
    assert bench.window.classes.missing.text() == "Run a model (F5) to see its scores."
    qtbot.keyClick(bench.window, Qt.Key.Key_A)
    bench.until(lambda: bench.session.index == 0)
    bench.until(lambda: "fake-semantic" in bench.session.document.predictions)


def test_the_cancel_button_in_the_status_bar_stops_the_run(bench, qtbot):
    bench.engine.gate.clear()
    bench.studio.segmenting.run_current()
    strip = bench.window.status.jobs
    bench.until(lambda: "Fake U-Net" in strip.text)
    qtbot.mouseClick(strip.button, Qt.MouseButton.LeftButton)
    bench.until(lambda: strip.isHidden())
    assert not bench.session.document.predictions


def test_plain_keys_go_to_a_text_field_that_has_the_focus(bench, qtbot):
    field = bench.window.images.filter
    bench.window.activateWindow()
    field.setFocus()
    bench.until(field.hasFocus)
    tool = bench.session.view.tool
    for key in "bd":
        qtbot.keyClick(field, key)
    assert field.text() == "bd"
    assert (bench.session.view.tool, bench.session.index) == (tool, 0)
    bench.window.canvas.setFocus()
    bench.until(lambda: not field.hasFocus())
    qtbot.keyClick(bench.window.canvas.viewport, "b")
    assert bench.session.view.tool == "brush"


def test_renaming_a_class_in_the_table(bench, qtbot):
    classes = bench.window.classes
    index = classes.model.index(1, NAME)
    classes.view.setCurrentIndex(index)
    classes.view.edit(index)
    editor = classes.view.findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "cell")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    bench.until(lambda: bench.session.schema.name_of(1) == "cell")
    assert classes.model.index(1, NAME).data() == "cell"


def test_class_names_are_read_from_a_file(bench, tmp_path, monkeypatch):
    names = tmp_path / "codes.txt"
    names.write_text("sky\nroad\ncar\n")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: (str(names), ""))
    panel = bench.window.classes
    assert bench.window.commands["class.read_names"].isEnabled()
    bench.qtbot.mouseClick(panel.names, Qt.MouseButton.LeftButton)
    bench.until(lambda: bench.session.schema.names == ((0, "sky"), (1, "road"), (2, "car")))
    rows = range(panel.model.rowCount())
    assert [panel.model.index(row, NAME).data() for row in rows] == ["sky", "road", "car"]


def test_eye_digit_keys_add_and_remove_classes(bench, qtbot):
    classes = bench.window.classes
    rect = classes.view.visualRect(classes.model.index(2, 0))
    qtbot.mouseClick(classes.view.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert bench.session.view.hidden_classes == {2}
    qtbot.keyClick(bench.window, "2")
    assert bench.session.view.active_class == 2
    assert classes.view.currentIndex().row() == 2
    qtbot.keyClick(bench.window, "x")
    assert bench.session.view.active_class == 0
    qtbot.keyClick(bench.window, "x")
    assert bench.session.view.active_class == 2
    classes.add.click()
    assert bench.session.schema.ids == (0, 1, 2, 3)
    for value, ignored in ((3, 3), (-1, None)):
        classes.ignored.trigger()
        dialog = bench.window.findChildren(IgnoredClassDialog)[-1]
        dialog.ignore.setValue(value)
        qtbot.mouseClick(dialog.buttons.button(OK), Qt.MouseButton.LeftButton)
        assert bench.session.schema.ignore_index == ignored


def test_a_new_class_is_named_as_it_is_typed_and_is_the_active_one(bench, qtbot):
    classes = bench.window.classes
    qtbot.mouseClick(classes.add, Qt.MouseButton.LeftButton)
    (editor,) = classes.view.findChildren(QLineEdit)
    drawn = []
    classes.model.dataChanged.connect(lambda *_: drawn.append(1))
    bench.until(lambda: bool(drawn))  # what follows from the new class is shown
    qtbot.keyClicks(editor, "ro")
    drawn.clear()
    bench.session.notify(What.SCORES)  # a model has answered meanwhile
    bench.until(lambda: bool(drawn))
    qtbot.keyClicks(editor, "ad")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    bench.until(lambda: bench.session.schema.name_of(3) != "class 3")
    assert bench.session.schema.name_of(3) == "road"
    assert bench.session.view.active_class == 3


def test_thresholds_apply_without_another_run(bench):
    bench.studio.segmenting.choose("fake-instance")
    bench.studio.segmenting.run_current()
    bench.until(lambda: "fake-instance" in bench.session.document.predictions)

    def shown() -> set[int]:
        return set(np.unique(bench.session.document.predictions["fake-instance"].instance_ids))

    assert shown() == {0, 1, 2}
    bench.engine.gate.clear()  # a run would hang now
    bench.window.docks.open("Model")
    bench.until(lambda: bench.window.model.score.slider.isVisible())
    bench.window.model.score.slider.setValue(70)
    bench.until(lambda: shown() == {0, 1})


def test_export_writes_the_masks_and_reports(bench, folder, tmp_path):
    out = tmp_path / "out"
    bench.window.commands.run("file.export")
    dialog = _dialog(bench, ExportDialog)
    dialog.images.setCurrentIndex(dialog.images.findData("all"))
    dialog.what.setCurrentIndex(dialog.what.findData("truth"))
    dialog.how["palette"].setChecked(False)
    assert not dialog.start.isEnabled()
    dialog.how["index"].setChecked(True)
    dialog.folder.setText(str(out))
    dialog.start.click()
    report = _dialog(bench, ExportReportDialog)
    assert "3 files of 3 images written; all 3 read again" in report.headline.text()
    pixels = sum(int(np.count_nonzero(_truth(folder, n) == 1)) for n in range(3))
    assert f"class 1: {pixels:,}" in report.text.toPlainText()
    for number in range(3):
        written = cv2.imread(str(out / f"field_{number}.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(written, _truth(folder, number))
    report.reject()


def test_nothing_exported_is_not_called_a_success(bench, tmp_path):
    bench.window.commands.run("file.export")
    dialog = _dialog(bench, ExportDialog)
    dialog.what.addItem("no such run", "no-such-run")
    dialog.what.setCurrentIndex(dialog.what.count() - 1)
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.start.click()
    report = _dialog(bench, ExportReportDialog)
    assert "Nothing was written" in report.headline.text()
    assert "field_0.png" in report.text.toPlainText()
    report.reject()


def test_csv_copied_from_the_panel_holds_the_scores(bench, folder, qtbot):
    bench.studio.segmenting.run_current()
    classes = bench.window.classes
    qtbot.mouseClick(classes.more, Qt.MouseButton.LeftButton)
    bench.until(classes.details.copy.isEnabled)
    qtbot.mouseClick(classes.details.copy, Qt.MouseButton.LeftButton)
    table = list(csv.DictReader(io.StringIO(QApplication.clipboard().text())))
    line = next(r for r in table if r["scope"] == "image" and r["class"] == "class 1")
    expected = _iou(_truth(folder, 0), _red_above_100(), 1)
    assert abs(float(line["iou"]) - expected) < 1e-4


def test_run_on_the_selection_only(bench):
    view, model = bench.window.images.view, bench.window.images.model
    view.setCurrentIndex(model.index(1, 0))
    flags = view.selectionModel().SelectionFlag
    view.selectionModel().select(model.index(2, 0), flags.Select)
    assert bench.window.images.selected_images() == [1, 2]
    bench.until(bench.window.commands["model.run_selected"].isEnabled)
    bench.window.commands.run("model.run_selected")
    bench.until(lambda: bool(bench.session.state(2).runs))
    assert [bool(bench.session.state(i).runs) for i in range(3)] == [False, True, True]


def test_the_folder_sums_the_counts_and_names_the_mean_over_images(bench, folder, qtbot):
    bench.studio.segmenting.run_all()
    bench.until(lambda: len(bench.session.counts) == 3)
    classes = bench.window.classes
    qtbot.mouseClick(classes.more, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(classes.details.scope.button("Folder"), Qt.MouseButton.LeftButton)
    bench.until(lambda: "3 images summed" in classes.details.sides.text())
    assert classes.header.note.whole == "Fake U-Net, 3 images"
    truth = np.concatenate([_truth(folder, n) for n in range(3)])
    prediction = np.concatenate([_red_above_100()] * 3)
    iou = _iou(truth, prediction, 1)
    assert classes.model.index(1, FIRST).data() == f"{iou:.3f}"
    ious = [[_iou(_truth(folder, n), _red_above_100(), c) for c in range(3)] for n in range(3)]
    over_images = np.mean([each[1:] for each in ious])
    told = classes.details.means.text()
    assert f"Mean over images: foreground IoU {over_images:.3f}" in told
    assert f"with background IoU {np.mean(ious):.3f}" in told
    tip = " ".join(classes.means.toolTip().split())
    assert f"Mean over images: foreground IoU {over_images:.3f}" in tip
    qtbot.mouseClick(classes.more, Qt.MouseButton.LeftButton)
    iou = _iou(_truth(folder, 0), _red_above_100(), 1)
    bench.until(lambda: classes.model.index(1, FIRST).data() == f"{iou:.3f}")


def test_docks_come_back_where_they_were(make_window, folder, user_folders):
    first = make_window()
    first.open(folder)
    first.window.docks.by_name["Classes"].close()
    first.window.addDockWidget(
        Qt.DockWidgetArea.LeftDockWidgetArea, first.window.docks.by_name["Model"]
    )
    first.window.close()
    first.studio.close()
    second = make_window()
    second.open(folder)
    area = second.window.dockWidgetArea(second.window.docks.by_name["Model"])
    assert area == Qt.DockWidgetArea.LeftDockWidgetArea
    assert not second.window.docks.shown("Classes")
    second.window.commands.run("view.reset_layout")
    assert second.window.docks.shown("Classes")
    area = second.window.dockWidgetArea(second.window.docks.by_name["Model"])
    assert area == Qt.DockWidgetArea.RightDockWidgetArea


def test_panels_hidden_by_tab_are_there_again_at_the_next_start(make_window, folder):
    first = make_window()
    first.open(folder)
    first.window.docks.toggle_all()
    assert not first.window.docks.any_shown()
    first.window.close()
    first.studio.close()
    second = make_window()
    second.open(folder)
    docks = second.window.docks
    assert [name for name in docks.by_name if docks.shown(name)] == [
        "Images", "Classes", "Objects", "Disagreement", "Model",
    ]  # fmt: skip


def test_autosave_off_asks_before_the_image_is_left(bench, qtbot):
    bench.studio.preferences.update(autosave=False)
    asked = []

    def ask(document):
        asked.append(document.ref.name)
        return "cancel"

    bench.studio.autosave.ask_unsaved = ask
    bench.studio.editing.clear()
    qtbot.keyClick(bench.window, Qt.Key.Key_D)
    bench.settle()
    assert asked == ["field_0.png"]
    assert bench.session.index == 0
    assert not bench.window.close()


def test_the_window_answers_while_a_model_runs(bench):
    bench.engine.gate.clear()
    bench.studio.segmenting.run_current()
    began = time.monotonic()
    bench.studio.editing.begin_stroke(20.0, 10.0)
    bench.studio.editing.end_stroke()
    bench.settle(10)
    assert time.monotonic() - began < 1.0
    assert bench.session.document.history.can_undo


def test_a_folder_opens_where_it_was_left(make_window, folder, tmp_path):
    home = tmp_path / "home"
    first = make_window(home)
    first.open(folder)
    first.window.commands.run("image.next")
    first.until(lambda: first.session.index == 1 and first.session.document is not None)
    viewport = first.window.canvas.viewport
    viewport.show_at(6.0)
    viewport.center_on((9.0, 5.0))
    name, seen = first.session.document.ref.name, viewport.view
    first.settle()
    first.window.close()
    first.studio.close()
    second = make_window(home)
    second.open(folder)
    assert second.session.document.ref.name == name
    again = second.window.canvas.viewport
    assert again.zoom == 6.0
    wide, high = again.width() / 2, again.height() / 2
    x, y = again.to_image((wide, high))
    assert (round(x), round(y)) == (9, 5)
    assert not again.fits
    assert seen.zoom == again.view.zoom
