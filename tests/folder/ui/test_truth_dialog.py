"""Choosing the ground truth in the real window: the folder, and how the files are called."""

from __future__ import annotations

import cv2
import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from segstudio.folder.ui.truth_dialog import TruthDialog
from segstudio.storage.mask_pattern import ChosenMasks


def dialog_of(bench) -> TruthDialog:
    bench.window.verbs.choose_truth()
    return bench.window.findChildren(TruthDialog)[-1]


def typed(line, text):
    line.selectAll()
    QTest.keyClicks(line, text)


def test_a_pattern_is_tried_while_it_is_typed_and_then_used(bench, tmp_path, monkeypatch):
    project = bench.session.project
    first = project.images[0]
    shape = bench.session.document.shape_hw
    mask = np.zeros(shape, np.uint8)
    mask[:2] = 1
    (tmp_path / "expert").mkdir()
    cv2.imwrite(str(tmp_path / "expert" / f"{first.stem}~2.png"), mask)
    dialog = dialog_of(bench)
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda *_args: str(tmp_path / "expert")
    )
    QTest.mouseClick(dialog.browse, Qt.MouseButton.LeftButton)
    bench.until(lambda: dialog.found.text().startswith("No image has a mask there"))
    typed(dialog.pattern, "{stem")
    bench.until(lambda: "is no pattern" in dialog.found.text())
    assert not dialog.use.isEnabled()
    typed(dialog.pattern, "{stem}~2.png")
    total = len(project.images)
    expected = f"1 of {total} images have a mask there: {first.name} has {first.stem}~2.png."
    bench.until(lambda: dialog.found.text() == expected)
    QTest.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    bench.until(lambda: bench.session.project is not project)
    assert bench.session.project.truth.folders == (tmp_path / "expert",)
    bench.until(lambda: np.array_equal(bench.session.document.truth.labels, mask))
    # another look at the folder keeps what was chosen
    bench.studio.browsing.rescan()
    project = bench.session.project
    bench.until(lambda: bench.session.project is not project)
    assert bench.session.project.truth.folders == (tmp_path / "expert",)


def test_the_way_back_to_the_masks_beside_the_images(bench, tmp_path):
    project = bench.session.project
    dialog = dialog_of(bench)
    assert not dialog.beside.isVisible()  # nothing was chosen
    dialog.reject()
    (tmp_path / "expert").mkdir()
    mask = np.ones(bench.session.document.shape_hw, np.uint8)
    cv2.imwrite(str(tmp_path / "expert" / project.images[0].name), mask)
    bench.studio.browsing.choose_masks(ChosenMasks(tmp_path / "expert"))
    bench.until(lambda: bench.session.project is not project)
    bench.settle()
    dialog = dialog_of(bench)
    QTest.mouseClick(dialog.beside, Qt.MouseButton.LeftButton)
    bench.until(lambda: not bench.session.project.masks)
    assert bench.session.project.truth.folders == (project.root / "masks",)
    bench.until(lambda: bench.session.document.truth.labels[20, 30] == 2)


def test_a_missing_folder_is_said_and_nothing_is_used(bench, tmp_path):
    project = bench.session.project
    dialog = dialog_of(bench)
    typed(dialog.folder, str(tmp_path / "gone"))
    bench.until(lambda: "There is no folder" in dialog.found.text())
    assert not dialog.use.isEnabled()
    dialog.reject()
    assert bench.session.project is project
