"""Thousands of images: memory stays flat, and what is on disk is quick."""

from __future__ import annotations

import gc
import tracemalloc

import cv2
import numpy as np
import pytest
from fakes import BRIGHT, FakeEngine, make_folder

from segstudio.core.prediction import RunOptions
from segstudio.core.schema import LabelSchema
from segstudio.evaluation.conditions import Conditions, Contender, References
from segstudio.evaluation.folder_evaluation import evaluate_folder
from segstudio.folder.files import FolderFiles
from segstudio.jobs import Job
from segstudio.storage.figures import FigureStore
from segstudio.storage.predictions import PredictionStore
from segstudio.storage.project import open_project

SCHEMA = LabelSchema.from_names(("background", "nucleus"))
# Of an image some hundred bytes are kept, with what Python adds to them. Its photo alone has 49 kB.
BYTES_AN_IMAGE = 3500


class Watched(Job):
    """Notes how much memory is held after so many images."""

    def __init__(self, every: int) -> None:
        super().__init__("Evaluating", "model")
        self.every = every
        self.held: list[int] = []

    def report(self, done: int, total: int = 0, text: str = "") -> None:
        super().report(done, total, text)
        if done and done % self.every == 0:
            gc.collect()  # what only holds itself is not held
            self.held.append(tracemalloc.get_traced_memory()[0])


def write_set(root, count, side=128):
    """Photos of bright discs on noise, all different, with masks that are moved by two pixels."""
    rng = np.random.default_rng(0)
    (root / "masks").mkdir(parents=True)
    for i in range(count):
        truth = np.zeros((side, side), np.uint8)
        for x, y, r in rng.integers((8, 8, 4), (side - 8, side - 8, 12), (12, 3)).tolist():
            cv2.circle(truth, (x, y), r, 1, -1)
        photo = np.where(np.roll(truth, 2, 1), 200, 50).astype(np.int16)
        photo = (photo + rng.integers(-40, 40, photo.shape)).astype(np.uint8)
        cv2.imwrite(str(root / f"{i:05}.png"), np.dstack([photo] * 3))
        cv2.imwrite(str(root / "masks" / f"{i:05}.png"), truth)
    return root


def evaluated(folder, home, job, engine=None):
    predictions = PredictionStore(home / "predictions")
    figures = FigureStore(home / "figures.sqlite")
    files = FolderFiles(open_project(folder, home), predictions)
    conditions = Conditions((Contender.of(BRIGHT, RunOptions()),), SCHEMA)
    try:
        return evaluate_folder(engine, conditions, References(files, SCHEMA), figures, job)
    finally:
        figures.close()
        predictions.close()


def soak(tmp_path, count, every):
    folder = write_set(tmp_path / "set", count)
    # What is imported on first use is no part of it.
    few = make_folder(tmp_path / "few", 2)
    evaluated(few, tmp_path / "other", Watched(every), FakeEngine())
    first = Watched(every)
    tracemalloc.start()
    try:
        found = evaluated(folder, tmp_path / "home", first, FakeEngine())
        second = Watched(every)
        again = evaluated(folder, tmp_path / "home", second)
    finally:
        tracemalloc.stop()
    for job in (first, second):
        # The interpreter's own tables grow by a jump now and then; a leak grows at every step.
        assert np.median(np.diff(job.held)) < BYTES_AN_IMAGE * every, job.held
    assert found.table.indices("bright", scored=True).size == count
    np.testing.assert_array_equal(
        found.table.column("bright", "mean_iou"), again.table.column("bright", "mean_iou")
    )
    assert found.table.figure("bright", "pq") == again.table.figure("bright", "pq")


@pytest.mark.slow
def test_memory_stays_flat(tmp_path):
    soak(tmp_path, 36, 6)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memory_stays_flat_over_2000_images(tmp_path):
    soak(tmp_path, 2000, 250)


def test_without_models_only_what_is_on_disk_is_measured(tmp_path):
    folder = make_folder(tmp_path / "set", 3)
    job = Job("Evaluating", "model")
    assert evaluated(folder, tmp_path / "home", job).table.indices("bright").size == 0
    found = evaluated(folder, tmp_path / "home", job, FakeEngine())
    assert found.in_models > 0
    again = evaluated(folder, tmp_path / "home", job)
    assert again.table.indices("bright").tolist() == [0, 1, 2]
    assert again.in_models == 0


def test_figures_of_another_reference_are_other_figures(tmp_path):
    folder = make_folder(tmp_path / "set", 2)
    job = Job("Evaluating", "model")
    before = evaluated(folder, tmp_path / "home", job, FakeEngine()).table
    mask = folder / "masks" / "a0.png"
    mask.write_bytes((folder / "masks" / "a1.png").read_bytes())
    same = evaluated(folder, tmp_path / "home", job).table
    np.testing.assert_array_equal(same.class_iou("bright"), before.class_iou("bright"))
    cv2.imwrite(str(mask), np.ones((20, 30), np.uint8))
    after = evaluated(folder, tmp_path / "home", job).table
    # The model finds 100 of 600 pixels, and now all are nucleus.
    assert after.class_iou("bright")[0].tolist() == pytest.approx([0, 100 / 600])
    assert after.class_iou("bright")[1].tolist() == before.class_iou("bright")[1].tolist()
