"""Telling what the masks hold, in the window."""

from __future__ import annotations

import numpy as np
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox

from segstudio.folder.ui.masks_dialog import MasksDialog
from segstudio.storage.truth import ReadAs


def numbers(root):
    """Two images whose masks have two and three numbers, one region each."""
    for i in (2, 3):
        mask = np.zeros((20, 30), np.uint8)
        for k in range(i):
            mask[2:8, k * 6 : k * 6 + 5] = k + 1
        (root / "masks").mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(root / f"a{i}.png")
        Image.fromarray(mask).save(root / "masks" / f"a{i}.png")
    return root


def shown(bench):
    bench.window.commands.run("file.masks")
    bench.until(lambda: bool(bench.window.findChildren(MasksDialog)))
    return bench.window.findChildren(MasksDialog)[-1]


def press(qtbot, dialog, button):
    qtbot.mouseClick(dialog.buttons.button(button), Qt.MouseButton.LeftButton)


def test_the_command_waits_for_masks(bench, tmp_path):
    command = bench.window.commands["file.masks"]
    (tmp_path / "bare").mkdir()
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "bare" / "a.png")
    bench.open(tmp_path / "bare")
    bench.until(lambda: not command.isEnabled())
    bench.open(numbers(tmp_path / "set"))
    bench.until(command.isEnabled)


def test_masks_are_read_as_chosen(bench, qtbot, tmp_path):
    bench.open(numbers(tmp_path / "set"))
    bench.settle()
    dialog = shown(bench)
    assert "class ids" in dialog.line.text()
    assert "each could be an object" in dialog.line.text()
    qtbot.keyClicks(dialog.kind, "Obj")
    press(qtbot, dialog, QDialogButtonBox.StandardButton.Cancel)
    assert bench.session.project.truth.kind == "index"
    dialog = shown(bench)
    qtbot.keyClicks(dialog.kind, "Obj")
    press(qtbot, dialog, QDialogButtonBox.StandardButton.Ok)
    bench.until(lambda: bench.session.project.truth.kind == "instances")
    bench.until(lambda: bench.session.document.truth.instances is not None)
    assert bench.session.document.annotation.instances.max() == 2
    dialog = shown(bench)
    assert "read as objects" in dialog.line.text()
    assert dialog.kind.currentText().startswith("Objects")
    press(qtbot, dialog, QDialogButtonBox.StandardButton.Cancel)


def test_class_0_can_be_a_class(bench, qtbot, tmp_path):
    bench.open(numbers(tmp_path / "set"))
    bench.settle()
    dialog = shown(bench)
    qtbot.keyClicks(dialog.zero, "A cl")
    press(qtbot, dialog, QDialogButtonBox.StandardButton.Ok)
    bench.until(lambda: bench.session.schema.name_of(0) == "class 0")
    assert bench.session.schema.background_id is None


def test_masks_that_are_not_read_yet_are_not_said_to_be(bench, qtbot, tmp_path):
    root = tmp_path / "set"
    (root / "masks").mkdir(parents=True)
    Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(root / "a.png")
    codes = np.repeat(np.array([0, 1001, 1002, 2001], np.uint16), 5)[:, None].repeat(30, 1)
    Image.fromarray(codes).save(root / "masks" / "a.png")
    bench.open(root)
    bench.settle()
    dialog = shown(bench)
    assert dialog.line.text().startswith("The masks are not read: their numbers could be objects")
    press(qtbot, dialog, QDialogButtonBox.StandardButton.Cancel)
    classes = bench.window.classes
    bench.until(lambda: classes.missing.text().startswith("The masks wait for"))
    classes.more.click()
    classes.details.scope.choose("Folder")
    bench.settle()
    assert classes.missing.text().startswith("The masks wait for")
    classes.more.click()
    bench.studio.browsing.masks.read_as(ReadAs("instances"))
    bench.until(lambda: classes.missing.text().startswith("Run a model"))


def test_a_mask_that_is_not_used_is_not_said_to_be_missing(bench, tmp_path):
    root = numbers(tmp_path / "set")
    Image.fromarray(np.full((20, 29), 1, np.uint8)).save(root / "masks" / "a2.png")  # too narrow
    bench.open(root)
    bench.until(lambda: bench.window.classes.missing.text().startswith("The mask of this image"))


def offered(dialog):
    items = dialog.kind.model()
    return {
        dialog.kind.itemText(i).split(":")[0].split(",")[0]
        for i in range(dialog.kind.count())
        if items.item(i).isEnabled()
    }


def test_only_what_masks_can_be_is_offered(bench, qtbot, tmp_path):
    always = {"Automatic", "Black and white", "Objects"}
    codes = "Class x 1000 + object"
    bench.open(numbers(tmp_path / "numbers"))
    bench.settle()
    dialog = shown(bench)
    assert offered(dialog) == {*always, "Class ids", codes}
    qtbot.keyClicks(dialog.kind, "Colours")
    assert not dialog.kind.currentText().startswith("Colours")
    press(qtbot, dialog, QDialogButtonBox.StandardButton.Cancel)
    colours = numbers(tmp_path / "colours")
    for path in (colours / "masks").iterdir():
        shades = np.array([[0, 0, 0], [200, 9, 9], [9, 200, 9], [9, 9, 200]], np.uint8)
        Image.fromarray(shades[np.array(Image.open(path))]).save(path)
    bench.open(colours)
    bench.until(lambda: bench.session.project.truth.kind == "colour")
    bench.settle()
    dialog = shown(bench)
    assert offered(dialog) == {*always, "Colours"}
    press(qtbot, dialog, QDialogButtonBox.StandardButton.Cancel)
