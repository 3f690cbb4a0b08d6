"""Export: which images, in which forms, where to, and what is there already."""

import shutil

import numpy as np
import pytest
from PIL import Image as pil
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from segstudio.ui.dialogs.export_dialog import ExportDialog
from segstudio.ui.dialogs.export_report import ExportReportDialog


@pytest.fixture
def asked(bench, qtbot):
    """Opens the dialog as Ctrl+E does."""

    def ask() -> ExportDialog:
        bench.window.commands.run("file.export")
        bench.until(lambda: bench.window.findChildren(ExportDialog) != [])
        return bench.window.findChildren(ExportDialog)[-1]

    return ask


def finish(bench, dialog, qtbot) -> str:
    """Press Export, wait for the report and close it; its headline."""
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    bench.until(lambda: bench.window.findChildren(ExportReportDialog) != [])
    report = bench.window.findChildren(ExportReportDialog)[-1]
    text = report.headline.text()
    report.reject()
    bench.until(lambda: bench.window.findChildren(ExportReportDialog) == [])
    return text


def answer(button: str, texts: list[str]):
    """Click a button of the message box that comes up, once it is there."""

    def look():
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            QTimer.singleShot(20, look)
            return
        texts.append(box.text())
        next(b for b in box.buttons() if b.text().replace("&", "") == button).click()

    QTimer.singleShot(0, look)


def test_each_data_set_has_its_own_folder_and_forms_are_remembered(
    bench, asked, folder, tmp_path, qtbot
):
    dialog = asked()
    assert dialog.folder.text() == str(folder / "export")
    assert [how for how, box in dialog.how.items() if box.isChecked()] == ["palette"]
    dialog.how["palette"].setChecked(False)
    dialog.how["index"].setChecked(True)
    dialog.folder.setText(str(tmp_path / "mine"))
    finish(bench, dialog, qtbot)
    again = asked()
    assert again.folder.text() == str(tmp_path / "mine")
    again.reject()
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    bench.open(other)
    bench.until(lambda: bench.session.project.root == other)
    elsewhere = asked()
    assert elsewhere.folder.text() == str(other / "export")
    assert [how for how, box in elsewhere.how.items() if box.isChecked()] == ["index"]


def test_files_are_replaced_after_one_question_that_counts_them(
    bench, asked, folder, tmp_path, qtbot
):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("field_0.png", "field_2.png", "notes.png"):
        (out / name).write_bytes(b"other")
    texts: list[str] = []
    dialog = asked()
    dialog.folder.setText(str(out))
    dialog.images.setCurrentIndex(dialog.images.findData("all"))
    answer("Cancel", texts)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    bench.until(lambda: bool(texts))
    assert texts == ["2 files will be replaced."]
    assert (out / "field_0.png").read_bytes() == b"other"
    assert dialog.isVisible()  # the plan can be changed
    answer("Replace", texts)
    assert "3 files of 3 images" in finish(bench, dialog, qtbot)
    assert texts == ["2 files will be replaced."] * 2
    assert np.array(pil.open(out / "field_0.png")).shape == (32, 48)
    assert (out / "notes.png").read_bytes() == b"other"


def test_the_images_that_the_list_shows_can_be_exported(bench, asked, tmp_path, qtbot):
    everything = asked()
    assert everything.images.findData("filtered") < 0
    everything.reject()
    panel = bench.window.images
    qtbot.keyClicks(panel.filter, "_1")
    bench.until(lambda: len(panel.model.images) == 1)
    dialog = asked()
    place = dialog.images.findData("filtered")
    assert dialog.images.itemText(place) == "Images that the list shows (1)"
    dialog.images.setCurrentIndex(place)
    out = tmp_path / "out"
    dialog.folder.setText(str(out))
    finish(bench, dialog, qtbot)
    assert sorted(p.name for p in out.glob("*.png")) == ["field_1.png"]


def test_a_mask_never_replaces_a_photo(bench, asked, folder, qtbot):
    before = (folder / "field_0.png").read_bytes()
    texts: list[str] = []
    dialog = asked()
    dialog.folder.setText(str(folder))
    answer("Replace", texts)
    assert finish(bench, dialog, qtbot) == "Nothing was written."
    assert (folder / "field_0.png").read_bytes() == before
