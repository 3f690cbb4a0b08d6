"""Figures and predictions are kept under the files that they came from, whatever is saved meanwhile.

A mask or an image is replaced just while it is read or run. What is on disk afterwards is what a
second evaluation, which reads nothing but stored figures, has to agree with.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from evaluating_steps import MEAN, evaluate
from fakes import make_folder, square, wait_for, write_mask, write_photo

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Patch
from segstudio.evaluation import work
from segstudio.evaluation.conditions import References


def replaced_while_read(monkeypatch, act, times=1):
    """Another program saves between the look at a mask and its reading."""
    read, left = References.read, [times]

    def saved_first(self, ref, shape_hw):
        if left[0]:
            left[0] -= 1
            act(left[0])
        return read(self, ref, shape_hw)

    monkeypatch.setattr(References, "read", saved_first)


def test_figures_are_kept_under_the_mask_that_was_counted(new_desk, tmp_path, monkeypatch):
    root = make_folder(tmp_path / "nuclei", 1)
    mask, before = root / "masks" / "a0.png", tmp_path / "before.png"
    shutil.copy(mask, before)
    desk = new_desk()
    desk.open(root)
    replaced_while_read(monkeypatch, lambda _left: write_mask(mask, square(left=5)))
    # The model finds exactly that square.
    assert evaluate(desk, "bright").column("bright", "mean_iou") == pytest.approx([1.0])
    monkeypatch.undo()
    desk.close()
    shutil.copy(before, mask)  # the person undoes it
    again = new_desk()
    again.open(root)
    assert evaluate(again, "bright").column("bright", "mean_iou") == pytest.approx([MEAN])


def test_a_mask_that_is_never_at_rest_is_told(desk, tmp_path, monkeypatch):
    root = make_folder(tmp_path / "nuclei", 2)
    desk.open(root)
    mask = root / "masks" / "a0.png"
    replaced_while_read(
        monkeypatch, lambda left: write_mask(mask, square(left=5 + left % 2)), times=9
    )
    table = evaluate(desk, "bright")
    assert table.indices("bright").tolist() in ([], [1])
    assert any("images failed" in message for message in desk.messages)
    assert any("is being written by another program" in n.details for n in desk.notices.recent)


@pytest.mark.parametrize("how", ["run", "evaluate"])
def test_a_prediction_is_kept_under_the_image_that_was_predicted(new_desk, tmp_path, how):
    root = make_folder(tmp_path / "nuclei", 2)
    image, before = root / "a1.png", tmp_path / "before.png"
    shutil.copy(image, before)
    desk = new_desk()
    desk.open(root)
    start(desk, how, root)
    write_photo(image, square(left=0))  # while the model runs on what was there before
    desk.engine.gate.set()
    desk.settle()
    predictions = desk.studio._predictions
    assert predictions.load(before, "bright").labels.tolist() == square(left=5).tolist()
    found = predictions.load(image, "bright")
    assert found is None or found.labels.tolist() == square(left=0).tolist()


def test_a_prediction_of_an_image_that_was_replaced_before_it_was_read(
    new_desk, tmp_path, monkeypatch
):
    """Between the look at the file and its reading: the next look finds another one."""
    root = make_folder(tmp_path / "set", 1)
    image, before = root / "a0.png", tmp_path / "before.png"
    shutil.copy(image, before)
    desk = new_desk()
    desk.open(root)
    read, reads = work.read_image, []

    def replaced_first(*arguments):
        reads.append(arguments)
        if len(reads) == 1:
            write_photo(image, square(left=0))
        return read(*arguments)

    monkeypatch.setattr(work, "read_image", replaced_first)
    evaluate(desk, "bright")
    predictions = desk.studio._predictions
    assert predictions.load(before, "bright") is None
    assert predictions.load(image, "bright").labels.tolist() == square(left=0).tolist()
    assert len(reads) == 2


def start(desk, how, root):
    """Let the model be inside the second image."""
    desk.browsing.select(0)
    desk.settle()
    desk.engine.gate.clear()
    if how == "run":
        desk.segmenting.run_on([1])
    else:
        shutil.rmtree(root / "masks")
        desk.evaluating.start(["bright"])
        wait_for(desk.clock, desk.engine.entered.is_set)
        desk.engine.entered.clear()
        desk.engine.gate.set()
        wait_for(desk.clock, desk.engine.entered.is_set)
    wait_for(desk.clock, desk.engine.entered.is_set)


def test_a_snapshot_taken_while_another_thread_paints_is_not_torn(monkeypatch):
    painted = LabelMap.empty((4, 4))
    copy, patched = LabelMap.copy, []

    def slow(self):
        taken = copy(self)
        if not patched:
            patched.append(True)
            zero, one = np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8)
            painted.apply(Patch(Rect(0, 0, 4, 4), zero, one))
        return taken

    monkeypatch.setattr(LabelMap, "copy", slow)
    snapshot = painted.snapshot()
    assert snapshot.revision == painted.revision == 1
    assert snapshot.labels.all()
