"""The training room: the form, curves and overlays as epochs come, the proof, closing the window."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton

from segstudio.core.geometry import Rect
from segstudio.training.trainings import RunState

LEFT = Qt.MouseButton.LeftButton
TRAINER = Path(__file__).parents[2] / "support" / "fake_trainer.py"


@pytest.fixture
def room(bench):
    """The window with the room open; a process that stands for the training waits for words."""
    bench.studio.training._command = (sys.executable, str(TRAINER), "held")
    bench.window.resize(1280, 772)
    bench.window.commands.run("training.new")
    bench.until(lambda: hasattr(bench.window, "training"))
    bench.settle()
    yield bench
    if bench.studio.training.active is not None:
        bench.studio.training.stop()
        bench.until(lambda: bench.studio.training.active is None)


def begun(bench):
    """Begin with the mouse; the panel after the second epoch."""
    panel = bench.window.training
    bench.qtbot.mouseClick(panel.form.train, LEFT)
    bench.until(lambda: bench.studio.training.run is not None)
    bench.until(lambda: len(bench.studio.training.run.epochs) == 2)
    bench.until(lambda: panel.strip.epoch == 2)
    return panel


def test_the_form_says_what_is_there_and_nothing_has_to_be_filled_in(room):
    form = room.window.training.form
    assert form.isVisible()
    assert form.start.currentText() == "Fake U-Net"
    assert form.images.currentText() == "all 3 images with a mask"
    assert form.train.isEnabled()
    assert not form.arch.isVisible()
    form.start.setCurrentIndex(form.start.findData("scratch"))
    assert form.arch.isVisible()


def test_curves_overlays_and_time_follow_the_epochs(room):
    panel = begun(room)
    assert panel.status.time.text() == "0:40 of 2 min, 2 epochs, 20 s left"
    assert panel.header.tabs.hasFocus()  # the button that began it is gone
    assert panel.loss.chart.height() > 120  # all the height that there is
    assert [layer.name for layer in panel.loss.chart.data.layers] == ["training", "validation"]
    (iou,) = panel.score.chart.data.layers
    assert panel.score.title.text() == "IoU, cell"
    assert iou.x.tolist() == pytest.approx([1 / 3, 2 / 3])
    assert iou.y.tolist() == [0.5, 0.7]
    panel.header.tabs.setCurrentIndex(1)
    room.until(lambda: bool(panel.strip.pictures.cards))
    (card,) = panel.strip.pictures.cards
    # 7 of 10 columns of the square: IoU 0.7 of the cell, and 570 of 600 pixels of background
    first = (0.5 + 500 / 550) / 2
    second = (0.7 + 500 / 530) / 2
    room.until(lambda: card.text == f"{first:.2f} → {second:.2f}")
    assert panel.strip.text.text() == "epoch 2 of 2, the best so far"
    room.qtbot.mouseClick(panel.strip.back, LEFT)
    room.until(lambda: card.text == f"{first:.2f}")
    assert panel.strip.text.text() == "epoch 1 of 2"


def test_it_is_paused_gone_on_with_and_stopped_by_its_buttons(room):
    panel = begun(room)
    training = room.studio.training
    room.qtbot.mouseClick(panel.status.pause, LEFT)
    room.until(lambda: training.run.state is RunState.PAUSED)
    room.until(lambda: panel.status.pause.text() == "Resume")
    room.qtbot.mouseClick(panel.status.stop, LEFT)
    room.until(lambda: training.run.is_done)
    room.until(lambda: panel.proof.use.isVisibleTo(panel))
    assert panel.proof.figures.text() == "0.71 → 0.83"
    assert panel.proof.text.text() == "+0.12 [+0.08, +0.15] mean IoU on 2 images not seen"
    assert panel.side.model.index(0, 1).data() == "proven +0.12"
    frame = room.window.docks.frame("Training")
    assert frame.verticalScrollBar().maximum() == 0
    assert frame.horizontalScrollBar().maximum() == 0
    verbs = {text: act for _icon, text, act in panel.side.table.verbs(training.run)}
    assert [*verbs] == ["Use Run 1", "Forget this training"]
    verbs["Forget this training"]()
    room.until(lambda: panel.form.isVisible())
    assert training.runs == ()


def test_the_window_asks_whether_a_training_goes_on_without_it(room):
    begun(room)
    training = room.studio.training
    room.window.close()
    assert room.window.isVisible()
    (box,) = [b for b in room.window.findChildren(QMessageBox) if b.isVisible()]
    assert box.text() == "Run 1 is training. Shall it go on without the window?"
    buttons = {b.text().replace("&", ""): b for b in box.findChildren(QPushButton)}
    room.qtbot.mouseClick(buttons["Cancel"], LEFT)
    assert room.window.isVisible()
    assert training.run.state is RunState.RUNNING
    room.window.close()
    (box,) = [b for b in room.window.findChildren(QMessageBox) if b.isVisible()]
    buttons = {b.text().replace("&", ""): b for b in box.findChildren(QPushButton)}
    room.qtbot.mouseClick(buttons["End it, keep the best"], LEFT)
    room.until(lambda: not room.window.isVisible())
    room.until(lambda: training.active is None)
    assert training.run.is_done


def test_a_folder_without_masks_cannot_be_learnt_from_and_says_why(room, tmp_path, folder):
    import shutil

    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(folder / "field_0.png", bare)
    room.open(bare)
    room.settle()
    form = room.window.training.form
    room.until(lambda: not form.train.isEnabled())
    assert form.problem.text().startswith("Three images with masks are needed at least")


def test_crops_show_what_interpolation_would_do_to_a_mask_of_three_classes(room):
    crops = room.window.training.crops
    # classes 0 and 2 side by side: between them interpolation finds 1, which is not there
    document = room.session.document
    halves = np.zeros(document.annotation.labels.shape, np.uint8)
    halves[:, halves.shape[1] // 2 :] = 2
    whole = Rect(0, 0, *halves.shape)
    room.session.set_view(active_class=2)
    room.studio.editing.clear()
    room.studio.editing.paint_mask(whole, halves == 2, "Test")
    crops.refresh()
    room.until(lambda: len(crops.row.cards) == 10)
    assert all(card.text == "" for card in crops.row.cards)
    room.qtbot.mouseClick(crops.wrong, LEFT)
    found = [int(card.text.split()[0]) for card in crops.row.cards]
    assert max(found) > 0
    before = [card.accessibleName() for card in crops.row.cards]
    room.qtbot.mouseClick(crops.others, LEFT)
    room.until(lambda: [card.accessibleName() for card in crops.row.cards] != before)
