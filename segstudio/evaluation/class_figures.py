"""The figures of a folder as JSON has them, the same for every command and report."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.evaluation.report.wording import caution
from segstudio.metrics.bootstrap import SIGN, Interval, PairedDifference
from segstudio.metrics.image_figures import MEASURES, PIXELS, FolderFigures
from segstudio.metrics.measure import AnyMeasure, Needs, Where


def class_rows(
    folder: FolderFigures,
    name_of: Callable[[int], str],
    wanted: Collection[AnyMeasure] = MEASURES,
) -> list[dict[str, Any]]:
    """One row a class.

    Args:
        folder: The figures.
        name_of: The name of a class id.
        wanted: What is told besides the confusion matrix's figures, if it was counted.
    """
    metrics, values = folder.metrics, folder.values.by_class
    columns: dict[str, npt.NDArray[Any]] = {f.json: values[f.key] for f in PIXELS.at(Where.CLASSES)}
    columns |= {"pixels": metrics.truth_pixels, "predicted_pixels": metrics.predicted_pixels}
    for measure in wanted:
        part = folder.part(measure)
        if part is None or measure is PIXELS:
            continue
        columns |= {f.json: values[f.key] for f in measure.at(Where.CLASSES)}
        for name in measure.class_counts:
            counts = part.column(name, folder.class_ids)
            columns[f"{measure.key}_{name}"] = counts.astype(np.int64)
    return [
        {
            "id": class_id,
            "name": name_of(class_id),
            **{name: values[i].item() for name, values in columns.items()},
        }
        for i, class_id in enumerate(folder.class_ids)
    ]


def further_values(
    folder: FolderFigures, wanted: Collection[AnyMeasure] = MEASURES
) -> dict[str, Any]:
    """What was counted besides the confusion matrix, over all classes and over the foreground.

    A section that was asked for is None if there was nothing to count it of.
    """
    found: dict[str, Any] = {}
    means = folder.values.means
    for measure in wanted:
        part = folder.part(measure)
        if measure.needs is Needs.OBJECTS and part is None:
            found[measure.section] = None
        if part is None or measure is PIXELS:
            continue
        figures = [f for f in measure.figures if Where.FOLDER in f.where]
        figures += [f.foreground() for f in figures if f.is_mean]
        told = {f.total: means[f.key] for f in figures}
        if not measure.section:
            found |= told
            continue
        scores = measure.scores(part, folder.class_ids) if measure.scores else None
        more = measure.details(part, scores) if measure.details else {}
        regions = {"regions_as_objects": folder.regions_as_objects}
        found[measure.section] = {**told, **more, **regions}
    return found


def difference_row(
    found: PairedDifference, name_of: Callable[[int], str], *, sure: bool = True
) -> dict[str, Any]:
    """What separates two models or folders of masks on the same images.

    Args:
        found: The difference.
        name_of: The name of a class id.
        sure: Tell how sure it is, too.
    """

    def told(interval: Interval) -> dict[str, Any]:
        if not sure:
            return {"difference": interval.difference}
        return {**interval.to_json(), "clear": interval.is_clear}

    how = {"resamples": found.resamples, "level": found.level, "seed": found.seed}
    return {
        "sign": SIGN,
        "images": found.images,
        **({**how, "caution": caution(found) or None} if sure else {}),
        "mean_iou": told(found.mean_iou),
        "mean_iou_foreground": told(found.lead),
        "classes": [
            {"id": i, "name": name_of(i), **told(interval)}
            for i, interval in found.by_class.items()
        ],
    }
