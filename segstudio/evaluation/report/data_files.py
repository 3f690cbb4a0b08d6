"""The figures of an evaluation as files for other programs: CSV by image, JSON of everything."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from segstudio.core.json_text import without_nan
from segstudio.core.progress import Report
from segstudio.core.text import safe_cells, utf8_json
from segstudio.evaluation.class_figures import class_rows, difference_row
from segstudio.evaluation.own_pixels import IMAGES_OF_OWN
from segstudio.evaluation.report.findings import EvaluationFindings, find
from segstudio.evaluation.report.material import SCORES, EvaluatedRun, EvaluationMaterial
from segstudio.metrics.calibration import CALIBRATION
from segstudio.metrics.image_figures import PIXELS, TIME, figures_at, values_of_counts
from segstudio.metrics.measure import Where
from segstudio.metrics.object_size import SIZES
from segstudio.report.page import part_of
from segstudio.report.software import versions
from segstudio.storage.atomic import write_atomically

_STEP: Final = 256
FORMAT: Final = 1
_OWN: Final = "started_from_model"


def write_csv(path: Path, material: EvaluationMaterial, report: Report) -> None:
    """Write one line an image and model: all its scores, and the IoU of each class.

    Scores that are not defined are left empty, and so is `started_from_model` unless the image's
    mask has pixels of the very model, so that its scores say little. One line is in memory at a time.

    Args:
        path: The file; replaced as a whole.
        material: What is compared.
        report: Told of the progress; may raise to stop.

    Raises:
        SegstudioError: if the file cannot be written.
    """
    names = _image_names(material)
    headers = ["image", "model", _OWN, *names, *_class_headers(material)]

    def write(file: BinaryIO) -> None:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        lines = csv.writer(text)
        lines.writerow(safe_cells(headers))
        for place, image in _told(material, report):
            for run in material.runs:
                scores = [_plain(float(run.column(n)[place])) for n in names]
                iou = [_plain(float(v)) for v in run.class_iou[place]]
                own = "yes" if material.is_own(run.id, place) else ""
                lines.writerow(safe_cells([image, run.id, own, *scores, *iou]))
        text.flush()
        text.detach()

    write_atomically(path, write, durable=False)


def write_json(path: Path, material: EvaluationMaterial, report: Report) -> None:
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


def summary(
    material: EvaluationMaterial, found: EvaluationFindings, now: datetime
) -> dict[str, Any]:
    """Everything but the images, as plain values; what is not defined is None.

    Args:
        material: What was compared.
        found: The differences between its models.
        now: When.
    """
    best, baselines = material.ranked[0], _baselines(material)
    found_all: dict[str, Any] = without_nan(
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
                    **difference_row(c.difference, material.name_of),
                }
                for c in found.compared
            ],
            "left_out": list(material.left_out),
            "notes": list(material.doubts),
        }
    )
    return found_all


def _model(material: EvaluationMaterial, run: EvaluatedRun) -> dict[str, Any]:
    folder, means = run.folder, run.folder.values.means
    figures = {f.total: means.get(f.key, math.nan) for f in figures_at(Where.FOLDER)}
    always = {f.total for m in (PIXELS, TIME) for f in m.at(Where.FOLDER)}
    return {
        "id": run.id,
        "title": run.title,
        IMAGES_OF_OWN: len(material.own_pixels.get(run.id, ())),
        **{n: value for n, value in figures.items() if n in always or not math.isnan(value)},
        **folder.image_means,
        "classes": class_rows(folder, material.name_of),
        "confusion": folder.matrix.counts.tolist(),
        **{
            key: folder.parts[key].to_json() if key in folder.parts else None
            for key in (CALIBRATION.key, SIZES.key)
        },
        "facts": {name: str(value) for name, value in run.facts.items()},
        "class_mapping": [list(pair) for pair in run.mapping],
        "notes": list(run.notes),
    }


def _baselines(material: EvaluationMaterial) -> list[dict[str, Any]]:
    """What calling every pixel one class would score."""
    ids = material.runs[0].folder.foreground_ids
    return [
        {
            "id": class_id,
            "name": material.name_of(class_id),
            **values_of_counts(metrics, ids),
        }
        for class_id, metrics in material.baselines
    ]


def _image_names(material: EvaluationMaterial) -> list[str]:
    """Which scores any of the runs has."""
    return [n for n in SCORES if any(n in run.columns for run in material.runs)]


def _image_row(material: EvaluationMaterial, place: int) -> dict[str, Any]:
    names = _image_names(material)
    row: dict[str, Any] = {}
    for run in material.runs:
        scores = {n: float(run.column(n)[place]) for n in names}
        iou = zip(material.class_ids, run.class_iou[place], strict=True)
        own = material.is_own(run.id, place)
        row[run.id] = {_OWN: own, **scores, "iou": {str(i): float(v) for i, v in iou}}
    plain: dict[str, Any] = without_nan(row)
    return plain


def _class_headers(material: EvaluationMaterial) -> Sequence[str]:
    """Columns of the classes' IoU; the id tells classes of one name apart."""
    names = [material.name_of(i) for i in material.class_ids]
    return [
        f"iou {name}" if names.count(name) == 1 else f"iou {name} ({i})"
        for i, name in zip(material.class_ids, names, strict=True)
    ]


def _told(material: EvaluationMaterial, report: Report) -> Iterator[tuple[int, str]]:
    """Each image with its place, telling of the progress now and then."""
    total = len(material.images)
    for place, image in enumerate(material.images):
        if place % _STEP == 0:
            report(place, total, "Writing the images")
        yield place, image
    report(total, total, "")


def _plain(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
