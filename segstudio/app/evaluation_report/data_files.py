"""The figures of an evaluation as files for other programs: CSV by image, JSON of everything."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from segstudio.app.class_figures import class_rows
from segstudio.app.evaluation_report.findings import Findings, Report, find, part_of
from segstudio.app.evaluation_report.material import IMAGE_MEASURES, EvaluatedRun, Material
from segstudio.app.evaluation_report.measures import MEASURES
from segstudio.app.evaluation_report.wording import caution
from segstudio.app.report.software import versions
from segstudio.core.bootstrap import SIGN
from segstudio.core.text import safe_cells, utf8_json
from segstudio.storage.atomic import write_atomically

_STEP: Final = 256
FORMAT: Final = 1


def write_csv(path: Path, material: Material, report: Report) -> None:
    """Write one line an image and model: all its scores, and the IoU of each class.

    Scores that are not defined are left empty. One line is in memory at a time.

    Args:
        path: The file; replaced as a whole.
        material: What is compared.
        report: Told of the progress; may raise to stop.

    Raises:
        SegstudioError: if the file cannot be written.
    """
    names = _image_names(material)
    headers = ["image", "model", *names, *_class_headers(material)]

    def write(file: BinaryIO) -> None:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        lines = csv.writer(text)
        lines.writerow(safe_cells(headers))
        for place, image in _told(material, report):
            for run in material.runs:
                scores = [_plain(float(run.column(n)[place])) for n in names]
                iou = [_plain(float(v)) for v in run.class_iou[place]]
                lines.writerow(safe_cells([image, run.id, *scores, *iou]))
        text.flush()
        text.detach()

    write_atomically(path, write, durable=False)


def write_json(path: Path, material: Material, report: Report) -> None:
    """Write everything but the pictures; keys that `compare --json` has too mean the same.

    Args:
        path: The file; replaced as a whole.
        material: What is compared.
        report: Told of the progress; may raise to stop.

    Raises:
        SegstudioError: if the file cannot be written.
    """
    data = summary(material, find(material, part_of(report, 0, 50)), datetime.now(UTC))
    images = part_of(report, 50, 100)

    def write(file: BinaryIO) -> None:
        # the images are written one by one, since there may be many thousand of them
        head = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
        file.write(utf8_json(head.removesuffix("\n}")))
        file.write(b',\n "per_image": [')
        for place, image in _told(material, images):
            row = {"name": image, "models": _image_row(material, place)}
            line = json.dumps(row, ensure_ascii=False, allow_nan=False)
            file.write(utf8_json((",\n  " if place else "\n  ") + line))
        file.write(b"\n ]\n}\n")

    write_atomically(path, write, durable=False)


def summary(material: Material, found: Findings, now: datetime) -> dict[str, Any]:
    """Everything but the images, as plain values; what is not defined is None.

    Args:
        material: What was compared.
        found: The differences between its models.
        now: When.
    """
    best, baselines = material.ranked[0], _baselines(material)
    found_all: dict[str, Any] = _without_nan(
        {
            "format": FORMAT,
            "folder": material.title,
            "images": len(material.images),
            "made": now.isoformat(timespec="seconds"),
            "command": material.command,
            "settings": dict(material.settings),
            "versions": versions(),
            "ignore_index": material.schema.ignore_index,
            "foreground": list(material.runs[0].folder.foreground_ids),
            "ranked_by": material.lead,
            "best": best.id,
            "models": [_model(material, run) for run in material.runs],
            "all_background": next(
                (b for b in baselines if b["id"] == material.schema.background_id), None
            ),
            "all_one_class": baselines,
            "differences": [
                {
                    "first": c.first.id,
                    "second": c.second.id,
                    "sign": SIGN,
                    "caution": caution(c.difference) or None,
                    "images": c.difference.images,
                    "resamples": c.difference.resamples,
                    "level": c.difference.level,
                    "seed": c.difference.seed,
                    "mean_iou": _interval(c.difference.mean_iou),
                    "mean_iou_foreground": _interval(c.difference.lead),
                    "classes": [
                        {"id": i, "name": material.name_of(i), **_interval(v)}
                        for i, v in c.difference.by_class.items()
                    ],
                }
                for c in found.compared
            ],
            "left_out": list(material.left_out),
        }
    )
    return found_all


def _interval(interval: Any) -> dict[str, Any]:
    return {**interval.to_json(), "clear": interval.is_clear}


def _model(material: Material, run: EvaluatedRun) -> dict[str, Any]:
    folder, metrics = run.folder, run.folder.metrics
    figures = {measure.key: measure.read(folder) for measure in MEASURES}
    precision, quality = folder.average_precision(), folder.panoptic_quality
    further = {
        "boundary_iou": folder.boundary_iou,
        "hausdorff_95": folder.hausdorff_95,
        "ap": None if precision is None else precision.by_class,
        "ap_50": None if precision is None else precision.table[:, 0],
        "ap_75": None if precision is None else precision.table[:, 5],
        "pq": None if quality is None else quality.pq,
        "sq": None if quality is None else quality.sq,
        "rq": None if quality is None else quality.rq,
    }
    known = {name: values for name, values in further.items() if values is not None}
    return {
        "id": run.id,
        "title": run.title,
        **{key: value for key, value in figures.items() if not math.isnan(value)},
        "mean_iou": metrics.mean_iou,
        "mean_iou_foreground": metrics.mean_over(folder.foreground_ids)[0],
        "seconds_per_image": folder.seconds_per_image,
        "classes": class_rows(metrics, material.name_of, known),
        "confusion": folder.matrix.counts.tolist(),
        "calibration": None if folder.calibration is None else folder.calibration.to_json(),
        "sizes": None if folder.sizes is None else folder.sizes.to_json(),
        "facts": {name: str(value) for name, value in run.facts.items()},
        "class_mapping": [list(pair) for pair in run.mapping],
        "notes": list(run.notes),
    }


def _baselines(material: Material) -> list[dict[str, Any]]:
    """What calling every pixel one class would score."""
    ids = material.runs[0].folder.foreground_ids
    return [
        {
            "id": class_id,
            "name": material.name_of(class_id),
            **{m.key: m.baseline(metrics, ids) for m in MEASURES if m.baseline is not None},
        }
        for class_id, metrics in material.baselines
    ]


def _image_names(material: Material) -> list[str]:
    """Which scores any of the runs has."""
    return [n for n in IMAGE_MEASURES if any(n in run.columns for run in material.runs)]


def _image_row(material: Material, place: int) -> dict[str, Any]:
    names = _image_names(material)
    row: dict[str, Any] = {}
    for run in material.runs:
        scores = {n: float(run.column(n)[place]) for n in names}
        iou = zip(material.class_ids, run.class_iou[place], strict=True)
        row[run.id] = {**scores, "iou": {str(i): float(v) for i, v in iou}}
    plain: dict[str, Any] = _without_nan(row)
    return plain


def _class_headers(material: Material) -> Sequence[str]:
    """Columns of the classes' IoU; the id tells classes of one name apart."""
    names = [material.name_of(i) for i in material.class_ids]
    return [
        f"iou {name}" if names.count(name) == 1 else f"iou {name} ({i})"
        for i, name in zip(material.class_ids, names, strict=True)
    ]


def _told(material: Material, report: Report) -> Iterator[tuple[int, str]]:
    """Each image with its place, telling of the progress now and then."""
    total = len(material.images)
    for place, image in enumerate(material.images):
        if place % _STEP == 0:
            report(place, total, "Writing the images")
        yield place, image
    report(total, total, "")


def _plain(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return None
    return value
