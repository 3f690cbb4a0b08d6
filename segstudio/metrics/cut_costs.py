"""What cutting features costs, as values: scores before and after, over an image or a set."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from segstudio.core.features import Cut, CutHow
from segstudio.core.formatting import cell_text
from segstudio.core.text import safe_cells
from segstudio.metrics.confusion import Metrics, PerClass, mean_of

ALL_SKIPS: Final = "all"
"""Name of the run in which every skip is cut at once."""


@dataclass(frozen=True)
class NamedCuts:
    """Cuts that are applied together.

    Attributes:
        name: Id of the skip edge, or `ALL_SKIPS`.
        cuts: What is cut.
    """

    name: str
    cuts: tuple[Cut, ...]


@dataclass(frozen=True, eq=False)
class MaskScores:
    """Scores of class maps against their references.

    Attributes:
        metrics: IoU, Dice and the others, by class.
        boundary_iou: (K,) boundary IoU of `metrics.class_ids`; NaN where a class is in neither map.
        foreground: The classes that scores are told of first; None: all, since none of them is
            background.
    """

    metrics: Metrics
    boundary_iou: PerClass
    foreground: tuple[int, ...] | None = None

    @property
    def mean_boundary_iou(self) -> float:
        """Mean over the classes that have one; NaN if none has."""
        return mean_of(self.boundary_iou)

    @property
    def leading(self) -> tuple[float, float, float]:
        """Means of IoU, Dice and boundary IoU: of the foreground where there is a background."""
        if self.foreground is None:
            return self.metrics.mean_iou, self.metrics.mean_dice, self.mean_boundary_iou
        iou, dice = self.metrics.mean_over(self.foreground)
        used = np.isin(np.array(self.metrics.class_ids, np.int64), self.foreground)
        return iou, dice, mean_of(self.boundary_iou[used])

    @property
    def leads(self) -> str:
        """What `leading` is over, before the name of a figure: "foreground" or "mean"."""
        return "mean" if self.foreground is None else "foreground"


@dataclass(frozen=True, eq=False)
class AblationRow:
    """What one run of cuts does. A drop is positive where the cut makes the score worse.

    Attributes:
        name: Id of the skip edge, or `ALL_SKIPS`.
        cuts: What was cut.
        changed_pixels: Pixels whose class is another one with the cuts.
        pixels: Pixels in all.
        before: Scores without cuts; None without any reference.
        after: Scores with them.
    """

    name: str
    cuts: tuple[Cut, ...]
    changed_pixels: int
    pixels: int
    before: MaskScores | None
    after: MaskScores | None

    @property
    def changed_share(self) -> float:
        """Share of the pixels whose class changed, 0..1."""
        return self.changed_pixels / self.pixels if self.pixels else 0.0

    @property
    def iou_drop(self) -> PerClass:
        """(K,) loss of IoU by class; empty without a reference."""
        if self.before is None or self.after is None:
            return np.zeros(0)
        return self.before.metrics.iou - self.after.metrics.iou

    @property
    def dice_drop(self) -> PerClass:
        """(K,) loss of Dice by class; empty without a reference."""
        if self.before is None or self.after is None:
            return np.zeros(0)
        return self.before.metrics.dice - self.after.metrics.dice

    @property
    def boundary_drop(self) -> PerClass:
        """(K,) loss of boundary IoU by class; empty without a reference."""
        if self.before is None or self.after is None:
            return np.zeros(0)
        return self.before.boundary_iou - self.after.boundary_iou

    @property
    def leads(self) -> str:
        """What the drops are of, before the name of a figure: "foreground" or "mean"."""
        return "mean" if self.before is None else self.before.leads

    @property
    def lead_iou_drop(self) -> float:
        """Loss of the leading IoU (`MaskScores.leading`); NaN without a reference."""
        return self._lead_drops[0]

    @property
    def lead_dice_drop(self) -> float:
        """Loss of the leading Dice; NaN without a reference."""
        return self._lead_drops[1]

    @property
    def lead_boundary_drop(self) -> float:
        """Loss of the leading boundary IoU; NaN without a reference."""
        return self._lead_drops[2]

    @property
    def _lead_drops(self) -> tuple[float, float, float]:
        if self.before is None or self.after is None:
            return (math.nan, math.nan, math.nan)
        iou, dice, boundary = (
            before - after
            for before, after in zip(self.before.leading, self.after.leading, strict=True)
        )
        return iou, dice, boundary


@dataclass(frozen=True, eq=False)
class Ablation:
    """What cutting each skip of a network costs, over an image or a set of images.

    Attributes:
        model: Id of the model.
        title: Its name for people.
        where: Over what, for people: "field_1.png", "12 images".
        how: What stood in for the features that were cut.
        images: How many images are counted so far.
        total: How many there are to count.
        scored: How many of the counted ones have a reference.
        runs: How many runs with cuts there are for each image.
        done: How many runs are done in all.
        class_names: Names of the scored classes by id.
        rows: One for each run that is done, in the order of the skips.
        running: More is to come.
        left_out: Name of an image that could not be counted, and why.
        notes: What has to be known of the numbers.
    """

    model: str
    title: str
    where: str
    how: CutHow
    images: int
    total: int
    scored: int
    class_names: Mapping[int, str]
    rows: tuple[AblationRow, ...] = field(repr=False)
    runs: int = 1
    done: int = 0
    running: bool = False
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def csv(self) -> str:
        """Every number as CSV: one line for each skip and class, and for the means.

        Scores are fractions 0..1 and empty where they are not defined; a positive drop is a loss.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_HEADER)
        for row in self.rows:
            writer.writerows(safe_cells(line) for line in self._lines(row))
        return text.getvalue()

    def _lines(self, row: AblationRow) -> list[list[str]]:
        first = [
            self.model, row.name, self.how.value, str(self.images), str(self.scored),
            f"{row.changed_share:.6f}",
        ]  # fmt: skip
        if row.before is None or row.after is None:
            return [[*first, "", *[""] * 9]]
        before, after = row.before, row.after
        lines = []
        for i, class_id in enumerate(before.metrics.class_ids):
            values = (
                before.metrics.iou[i], after.metrics.iou[i],
                before.metrics.dice[i], after.metrics.dice[i],
                before.boundary_iou[i], after.boundary_iou[i],
            )  # fmt: skip
            name = self.class_names.get(class_id, str(class_id))
            lines.append([*first, name, *_cells([float(value) for value in values])])
        values_of_mean = (
            before.metrics.mean_iou, after.metrics.mean_iou,
            before.metrics.mean_dice, after.metrics.mean_dice,
            before.mean_boundary_iou, after.mean_boundary_iou,
        )  # fmt: skip
        lines.append([*first, "(mean)", *_cells(list(values_of_mean))])
        if before.foreground is not None:
            pairs = [v for pair in zip(before.leading, after.leading, strict=True) for v in pair]
            lines.append([*first, "(foreground mean)", *_cells(pairs)])
        return lines


_HEADER = (
    "model", "skip", "how", "images", "scored_images", "changed_share", "class",
    "iou", "iou_cut", "iou_drop", "dice", "dice_cut", "dice_drop",
    "boundary_iou", "boundary_iou_cut", "boundary_iou_drop",
)  # fmt: skip


def _cells(pairs: list[float]) -> list[str]:
    """Before, after and drop of each pair."""
    cells = []
    for before, after in zip(pairs[::2], pairs[1::2], strict=True):
        cells += [cell_text(before), cell_text(after), cell_text(before - after)]
    return cells
