"""The figures of a folder while images come and change: sums of sums.

Images are added up in groups; when one changes, its group is summed anew, not the folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from segstudio.app.class_figures import class_figures
from segstudio.app.evaluation_rows import METRICS, ImageRow
from segstudio.core.class_sums import Numbers, mean_of
from segstudio.core.image_figures import FolderFigures, ImageFigures
from segstudio.core.metrics import FOREGROUND_MEANS, IMAGE_MEANS

_GROUP: Final = 64
_MEANS: Final = IMAGE_MEANS | FOREGROUND_MEANS
_COLUMNS: Final = {name: METRICS.index(name) for name in ("seconds", *_MEANS.values())}


@dataclass(frozen=True, eq=False)
class FolderSums:
    """A model's figures of the folder.

    Attributes:
        folder: Sums over the images that have something to measure against.
        figures: The figures of a table of models by name; NaN where there is none.
        by_class: (K,) the figures of each class by name; see `app.class_figures`.
    """

    folder: FolderFigures
    figures: Mapping[str, float]
    by_class: Mapping[str, Numbers]


class RunSums:
    """Adds up one model's images. Used by one thread at a time."""

    def __init__(
        self, class_ids: Sequence[int], foreground_ids: Sequence[int] | None = None
    ) -> None:
        """Take the classes to score, and those of them that are not background (None: all)."""
        self._class_ids = tuple(class_ids)
        self._foreground_ids = self._class_ids if foreground_ids is None else tuple(foreground_ids)
        self._rows: dict[int, ImageRow] = {}
        self._groups: dict[int, ImageFigures] = {}
        self._parts: dict[int, dict[str, int]] = {}

    def put(self, rows: Mapping[int, ImageRow | None]) -> None:
        """Add or replace images by their index, or remove them (None)."""
        for index, row in rows.items():
            if row is None or not row.keys:
                self._rows.pop(index, None)
            else:
                self._rows[index] = row
        for group in {index // _GROUP for index in rows}:
            self._sum(group)

    def total(self) -> FolderSums | None:
        """The figures of all images; None if there is none."""
        if not self._groups:
            return None
        order = sorted(self._groups)
        folder = FolderFigures.of(
            [self._groups[g] for g in order], self._class_ids, self._foreground_ids
        )
        scores = {
            name: np.array([row.scores[i] for row in self._rows.values()])
            for name, i in _COLUMNS.items()
        }
        names = next(iter(self._parts.values()))
        folder = replace(
            folder,
            images=len(self._rows),
            image_means={name: mean_of(scores[source]) for name, source in _MEANS.items()},
            seconds_per_image=mean_of(scores["seconds"]),
            regions_as_objects=sum(p["regions_as_objects"] for p in self._parts.values()),
            parts_of={
                name: sum(parts[name] for parts in self._parts.values())
                for name in names
                if name != "regions_as_objects"
            },
        )
        return FolderSums(folder, folder_figures(folder), class_figures(folder))

    def _sum(self, group: int) -> None:
        indices = range(group * _GROUP, (group + 1) * _GROUP)
        found = [self._rows[i].figures for i in indices if i in self._rows]
        images = [figures for figures in found if figures is not None]
        if not images:
            self._groups.pop(group, None)
            self._parts.pop(group, None)
            return
        folder = FolderFigures.of(images, self._class_ids)
        self._groups[group] = ImageFigures(
            "",
            folder.pairs,
            boundary=folder.boundary,
            hausdorff=folder.hausdorff,
            panoptic=folder.panoptic,
            detections=folder.detections,
            sizes=folder.sizes,
            calibration=folder.calibration,
        )
        self._parts[group] = {
            **folder.parts_of,
            "regions_as_objects": folder.regions_as_objects,
        }


def folder_figures(folder: FolderFigures) -> dict[str, float]:
    """The figures of a table of models by name; NaN where there is none."""
    metrics = folder.metrics
    found = {
        "mean_iou": metrics.mean_iou,
        "mean_dice": metrics.mean_dice,
        "pixel_accuracy": metrics.pixel_accuracy,
        "frequency_weighted_iou": metrics.frequency_weighted_iou,
        "seconds": folder.seconds_per_image,
        **folder.image_means,
        **folder.foreground_means(),
    }
    if folder.boundary_iou is not None:
        found["boundary_iou"] = mean_of(folder.boundary_iou)
    if folder.hausdorff_95 is not None:
        found["hausdorff95"] = mean_of(folder.hausdorff_95)
    precision = folder.average_precision()
    if precision is not None:
        found |= {"ap": precision.ap, "ap50": precision.at(0.5), "ap75": precision.at(0.75)}
    quality = folder.panoptic_quality
    if quality is not None:
        found |= dict(zip(("pq", "sq", "rq"), quality.mean(), strict=True))
    if folder.calibration is not None:
        found["ece"] = folder.calibration.ece
    return {name: float(found.get(name, np.nan)) for name in FOLDER_METRICS}


FOLDER_METRICS: Final = (
    "mean_iou", "mean_dice", "pixel_accuracy", "frequency_weighted_iou", "boundary_iou",
    "hausdorff95", "ap", "ap50", "ap75", "pq", "sq", "rq", "ece", "seconds", *_MEANS,
    "mean_iou_foreground", "mean_dice_foreground", "mean_boundary_iou_foreground",
    "mean_hausdorff_95_foreground", "pq_foreground", "sq_foreground", "rq_foreground",
)  # fmt: skip
"""The figures of a folder."""
