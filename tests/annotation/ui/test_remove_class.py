"""The minus of the class list: asks where a class is used, and can be undone."""

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog

from segstudio.annotation.class_removal import ClassUse
from segstudio.annotation.ui.class_dialogs import RemoveClassDialog, use_text
from segstudio.annotation.ui.class_table import ID, NAME
from segstudio.core.schema import ClassSpec
from segstudio.storage.image_ref import ImageRef


@pytest.fixture
def asked(bench, qtbot):
    """The dialog that the minus opens while class 2 is active."""
    bench.settle()
    bench.session.set_view(active_class=2)
    bench.window.classes.remove.trigger()
    bench.until(lambda: bench.window.findChildren(RemoveClassDialog) != [])
    return bench.window.findChildren(RemoveClassDialog)[-1]


def used(folder) -> int:
    masks = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (folder / "masks").iterdir()]
    return sum(int(np.count_nonzero(mask == 2)) for mask in masks)


def test_pixels_images_and_ids_are_told_and_the_class_is_merged(bench, asked, folder, qtbot):
    assert asked.text.text() == f"“class 2” (id 2) is on {used(folder)} pixels of 3 images."
    entries = [asked.into.itemText(i) for i in range(asked.into.count())]
    assert entries == ["background (id 0)", "class 1 (id 1)"]
    asked.into.setCurrentIndex(1)
    qtbot.mouseClick(asked.remove, Qt.MouseButton.LeftButton)
    bench.until(lambda: bench.session.schema.get(2) is None)
    assert not (bench.session.document.annotation.labels == 2).any()
    bench.studio.editing.undo()
    bench.until(lambda: bench.session.schema.get(2) is not None)
    bench.settle()
    assert bench.window.findChildren(QDialog) == []


def test_enter_cancels_and_that_changes_nothing(bench, asked, qtbot):
    before = bench.session.document.annotation.revision
    qtbot.keyClick(asked.into, Qt.Key.Key_Return)
    bench.until(lambda: bench.window.findChildren(RemoveClassDialog) == [])
    bench.settle()
    assert bench.session.schema.get(2) is not None
    assert bench.session.document.annotation.revision == before


def test_ids_and_keys_are_shown_and_stay(bench, qtbot):
    model = bench.window.classes.model

    def keyed(row: int) -> str:
        tip = model.index(row, NAME).data(Qt.ItemDataRole.ToolTipRole)
        return tip.partition("Key ")[2].partition(" ")[0]

    shown = [(model.index(row, ID).data(), keyed(row)) for row in range(3)]
    assert shown == [("0", "0"), ("1", "1"), ("2", "2")]
    new = bench.studio.schema_keeper.add_class("x")
    bench.studio.schema_keeper.add_class("y")
    bench.session.set_view(active_class=new)
    bench.window.classes.remove.trigger()
    bench.until(lambda: bench.session.schema.get(new) is None)
    assert (model.index(3, ID).data(), keyed(3)) == ("4", "4")
    qtbot.keyClick(bench.window, "4")
    assert bench.session.view.active_class == 4


def test_of_stacks_the_pages_are_counted_beside_the_images():
    refs = [ImageRef(name, "root", page) for name in ("a.tif", "b.tif") for page in range(3)]
    spec = ClassSpec(2, "cell", (1, 2, 3))
    said = "“cell” (id 2) is on 1,024 pixels of "
    assert use_text(ClassUse(spec, 1024, tuple(refs))) == f"{said}2 images (6 pages)."
    assert use_text(ClassUse(spec, 1024, tuple(refs[1:2]))) == f"{said}1 image (1 page)."
    assert use_text(ClassUse(spec, 1024, (refs[0], refs[3]))) == f"{said}2 images."
