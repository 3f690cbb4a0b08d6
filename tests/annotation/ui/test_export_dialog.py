"""Export: which images, in which forms, where to, and what is there already."""

import errno
import shutil
import tempfile

import numpy as np
import pytest
from PIL import Image as pil
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from segstudio.annotation.ui.export_dialog import ExportDialog, ExportReportDialog
from segstudio.storage.settings import Settings


@pytest.fixture
def asked(bench, qtbot):
    """Opens the dialog as Ctrl+E does, as at a first start; it is closed at the end."""
    bench.studio.preferences.update(export_forms=Settings().export_forms)

    def ask() -> ExportDialog:
        bench.window.commands.run("file.export")
        bench.until(lambda: bench.window.findChildren(ExportDialog) != [])
        return bench.window.findChildren(ExportDialog)[-1]

    yield ask
    for dialog in bench.window.findChildren(ExportDialog):
        dialog.close()
    bench.until(lambda: bench.window.findChildren(ExportDialog) == [])


def finish(bench, dialog, qtbot) -> str:
    """Press Export, wait for the report and close it; its headline."""
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    bench.until(lambda: bench.window.findChildren(ExportReportDialog) != [])
    report = bench.window.findChildren(ExportReportDialog)[-1]
    text = report.headline.text()
    report.reject()
    bench.until(lambda: bench.window.findChildren(ExportReportDialog) == [])
    return text


def answer(button: str, texts: list[str]) -> QTimer:
    """Click a button of the message box that comes up, once it is there, until it is stopped."""
    timer = QTimer(QApplication.instance(), interval=20)

    def look():
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            timer.stop()
            texts.append(box.text())
            next(b for b in box.buttons() if b.text().replace("&", "") == button).click()

    timer.timeout.connect(look)
    timer.start()
    return timer


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


def test_objects_are_kept_apart_unless_one_is_told_that_they_are_not(
    bench, asked, folder, tmp_path, qtbot
):
    values = np.zeros((32, 48), np.uint16)
    values[2:8, 2:8], values[2:8, 8:14] = 1, 2  # two that touch
    of_objects = tmp_path / "nuclei"
    (of_objects / "instances").mkdir(parents=True)
    shutil.copy(folder / "field_0.png", of_objects / "field_0.png")
    pil.fromarray(values).save(of_objects / "instances" / "field_0.png")
    bench.open(of_objects)
    bench.until(lambda: bench.session.document.annotation.instances is not None)
    dialog = asked()
    assert [how for how, box in dialog.how.items() if box.isChecked()] == ["instances"]
    usual = dialog.problem.text()
    dialog.how["instances"].setChecked(False)
    dialog.how["palette"].setChecked(True)
    assert "Instance ids and COCO panoptic keep them apart" in dialog.problem.text()
    dialog.how["index"].setChecked(True)
    assert "Each form gets a folder of its own" in dialog.problem.text()
    assert "keep them apart" in dialog.problem.text()
    dialog.how["panoptic"].setChecked(True)
    assert "keep them apart" not in dialog.problem.text()
    for how in ("index", "palette", "panoptic"):
        dialog.how[how].setChecked(False)
    dialog.how["instances"].setChecked(True)
    assert dialog.problem.text() == usual
    finish(bench, dialog, qtbot)
    written = np.array(pil.open(of_objects / "export" / "field_0.png"))
    assert (written == values).all()


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


def test_a_list_of_classes_that_is_there_is_not_replaced_unasked(bench, asked, tmp_path, qtbot):
    out = tmp_path / "out"
    out.mkdir()
    (out / "classes.json").write_text('{"mine": 1}')
    texts: list[str] = []
    dialog = asked()
    dialog.folder.setText(str(out))
    answer("Cancel", texts)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    bench.until(lambda: bool(texts))
    assert texts == ["1 list of classes will be replaced."]
    assert (out / "classes.json").read_text() == '{"mine": 1}'


def test_the_question_and_the_report_count_the_same(bench, asked, tmp_path, qtbot):
    out = tmp_path / "out"
    texts: list[str] = []
    told = []
    for again in (False, True):
        dialog = asked()
        dialog.folder.setText(str(out))
        dialog.images.setCurrentIndex(dialog.images.findData("all"))
        for form, box in dialog.how.items():
            box.setChecked(form in ("index", "color"))
        if again:
            answer("Replace", texts)
        told.append(finish(bench, dialog, qtbot))
    assert texts == ["6 files and 2 lists of classes will be replaced."]
    for text in told:
        assert "6 files of 3 images written; all 6 read again" in text
        assert "2 lists of classes written besides." in text


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


def refused(bench, dialog, qtbot) -> str:
    """Press Export and wait for what the dialog says instead; a question fails the test."""
    usual = dialog.problem.text()
    asked: list[str] = []
    answering = answer("Cancel", asked)
    qtbot.mouseClick(dialog.start, Qt.MouseButton.LeftButton)
    bench.until(lambda: bool(asked) or dialog.problem.text() != usual)
    answering.stop()
    assert not asked
    assert dialog.isVisible()
    assert dialog.start.isEnabled()
    assert bench.window.findChildren(ExportReportDialog) == []
    return dialog.problem.text()


@pytest.mark.parametrize(
    ("place", "what"), [("", "the images"), ("masks", "the masks that are read")]
)
def test_a_folder_of_the_data_is_refused_before_anything_is_asked(
    bench, asked, folder, qtbot, place, what
):
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    dialog = asked()
    dialog.folder.setText(str(folder / place))
    expected = f"{folder / place} holds {what}. Export to another folder."
    assert refused(bench, dialog, qtbot) == expected
    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == before


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_asked(
    bench, asked, tmp_path, qtbot, monkeypatch
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "field_0.png").write_bytes(b"other")
    (tmp_path / "file").write_bytes(b"other")
    dialog = asked()
    dialog.folder.setText(str(tmp_path / "file" / "new"))
    text = refused(bench, dialog, qtbot)
    assert text == f"{tmp_path / 'file'} is a file, not a folder. Export to another folder."

    def read_only(*_args, **_values):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", read_only)
    dialog.folder.setText(str(tmp_path / "out"))
    text = refused(bench, dialog, qtbot)
    assert text.startswith(f"Nothing can be written to {tmp_path / 'out'}")
    assert "Read-only file system" in text
    monkeypatch.undo()
    answer("Replace", [])  # the same plan, when the disk can be written again
    assert "1 file of 1 image" in finish(bench, dialog, qtbot)


def test_an_export_of_which_a_part_is_refused_counts_only_what_it_may_replace(
    bench, asked, folder, tmp_path, qtbot
):
    inner = folder / "index"  # two forms get a folder each: one of them is the images' own
    inner.mkdir()
    for path in folder.glob("*.png"):
        path.rename(inner / path.name)
    bench.open(inner)
    bench.until(lambda: bench.session.project.images_root == inner)
    (folder / "palette").mkdir()
    (folder / "palette" / "field_0.png").write_bytes(b"other")
    dialog = asked()
    for form in ("index", "palette"):
        dialog.how[form].setChecked(True)
    dialog.folder.setText(str(folder))
    texts: list[str] = []
    answer("Replace", texts)
    assert "1 file of 1 image" in finish(bench, dialog, qtbot)
    assert texts == ["1 file will be replaced."]
    assert (folder / "palette" / "field_0.png").read_bytes() != b"other"


def test_states_and_notes_go_with_the_masks_or_alone(bench, asked, tmp_path, qtbot):
    out, texts = tmp_path / "out", []
    bench.studio.browsing.toggle_reviewed()
    dialog = asked()
    dialog.folder.setText(str(out))
    qtbot.mouseClick(dialog.states["states.csv"], Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert dialog.states["states.csv"].isChecked()
    assert finish(bench, dialog, qtbot).endswith(
        "1 list of classes and 1 list of states written besides."
    )
    assert (out / "states.csv").read_text() == "image,page,state,note\nfield_0.png,1,done,\n"
    # remembered, like the forms; without masks they are all that is written
    again = asked()
    assert again.states["states.csv"].isChecked()
    again.how["palette"].setChecked(False)
    assert again.problem.text() == "No masks are written, only how far each image is."
    again.images.setCurrentIndex(again.images.findData("all"))
    answer("Replace", texts)
    assert finish(bench, again, qtbot) == "1 list of states written."
    assert texts == ["1 list of states will be replaced."]
    assert len((out / "states.csv").read_text().splitlines()) == 4
