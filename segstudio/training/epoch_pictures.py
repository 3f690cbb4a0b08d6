"""What a network said of some validation images after an epoch, drawn over the photos.

A run's folder holds the photos and their truth once (`views/`), and the predicted label maps of
each epoch (`epochs/0001/`), all as PNG of the same size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from segstudio.core.difference import difference
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image, Labels
from segstudio.core.progress import Check, no_check
from segstudio.core.render import difference_table
from segstudio.core.series_colors import GREEN, PINK, SKY, VERMILION
from segstudio.metrics.class_sums import ClassPairs
from segstudio.storage.masks import read_index_png
from segstudio.training.run_folder import EPOCHS, TRUTH, VIEWS

LEGEND: Final = (
    (GREEN, "agree"),
    (VERMILION, "only the model"),
    (SKY, "only your annotation"),
    (PINK, "wrong class"),
)
"""Colour and meaning of what is drawn over the photos."""
_IGNORED: Final = 255


@dataclass(frozen=True, eq=False)
class EpochPicture:
    """One validation image after an epoch.

    Attributes:
        name: The image.
        pixels: (H, W, 3) uint8 RGB: the photo, and over it where model and truth agree.
        iou: Mean IoU over the classes that either of them has; NaN without any.
    """

    name: str
    pixels: Image
    iou: float


def epoch_folder(run: Path, epoch: int) -> Path:
    """Where the label maps of an epoch lie."""
    return run / EPOCHS / f"{epoch:04d}"


def view_names(run: Path) -> list[str]:
    """The images that are drawn, by name."""
    files = sorted((run / VIEWS).glob("*.png"))
    return [file.stem for file in files if not file.stem.endswith(TRUTH)]


def pictures_of(
    run: Path, epoch: int, opacity: float = 0.55, check: Check = no_check
) -> list[EpochPicture]:
    """The validation images after an epoch; one whose files cannot be read is left out.

    Args:
        run: The folder of the training.
        epoch: Its number, from 1.
        opacity: Of what is drawn over the photos, 0..1.
        check: Called before each image; raises to cancel.
    """
    pictures = []
    for name in view_names(run):
        check()
        photo = cv2.imread(str(run / VIEWS / f"{name}.png"), cv2.IMREAD_COLOR)
        truth = _labels(run / VIEWS / f"{name}{TRUTH}.png")
        found = _labels(epoch_folder(run, epoch) / f"{name}.png")
        if photo is None or truth is None or found is None:
            continue
        if not photo.shape[:2] == truth.shape == found.shape:
            continue
        rgb: Image = np.asarray(cv2.cvtColor(photo, cv2.COLOR_BGR2RGB), np.uint8)
        drawn = _over(rgb, difference(truth, found, _IGNORED), opacity)
        score = ClassPairs.of(truth, found, _IGNORED).metrics(range(_IGNORED)).mean_iou
        pictures.append(EpochPicture(name, drawn, score))
    return pictures


def _labels(file: Path) -> Labels | None:
    try:
        return read_index_png(file)
    except (OSError, ValueError, SegstudioError):
        return None


def _over(photo: Image, codes: Labels, opacity: float) -> Image:
    table = difference_table(opacity)[codes].astype(np.float32)
    alpha = table[..., 3:] / 255
    return np.asarray(np.rint(photo * (1 - alpha) + table[..., :3] * alpha), np.uint8)
