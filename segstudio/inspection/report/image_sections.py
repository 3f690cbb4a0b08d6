"""The report's sections about the image: what was said of it, how right it is, how it was made."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from segstudio.core.difference import DIFFERENCE_COLORS, DIFFERENCE_NAMES, difference
from segstudio.core.formatting import ratio_text, short_text
from segstudio.core.labels import InstanceIds, Labels
from segstudio.core.prediction import ModelSpec
from segstudio.core.render import difference_table, overlay_rgb
from segstudio.core.schema import LabelSchema
from segstudio.inspection.report.findings import Findings
from segstudio.inspection.report.material import Material
from segstudio.inspection.report.skip_sections import INSTEAD
from segstudio.metrics.cut_costs import MaskScores
from segstudio.report.markup import Markup, element, joined
from segstudio.report.page import Section, bullets, definitions, note, paragraph
from segstudio.report.pictures import Captioned, blended, gallery, picture
from segstudio.report.software import settings_text, versions_text
from segstudio.report.tables import Cell, legend, swatch, table

LONGEST = 640
_LEGEND_CLASSES = 24


def key_figures(material: Material, found: Findings) -> list[tuple[str, str]]:
    """(value, what it is) for the top of the report."""
    trace = material.trace
    height, width = trace.input_size
    figures = []
    if found.scores is not None:
        metrics = found.scores.metrics
        figures += [
            (ratio_text(metrics.mean_iou), "mean IoU"),
            (ratio_text(metrics.mean_dice), "mean Dice"),
            (ratio_text(found.scores.mean_boundary_iou), "mean boundary IoU"),
        ]
    return [
        *figures,
        (short_text(trace.parameters), "parameters"),
        (short_text(trace.macs), "multiply-adds"),
        (f"{trace.seconds:.2f} s", "traced pass"),
        (f"{width} x {height}", "network's input, pixels"),
        (str(len(trace.skips)), "skip" if len(trace.skips) == 1 else "skips"),
    ]


def image_section(material: Material, found: Findings) -> Section:
    """Photo, prediction, annotation and difference, with the scores of each class."""
    prediction, photo = material.prediction, material.window
    shown = [
        Captioned(picture(photo, "The photo", longest=LONGEST), "Photo"),
        Captioned(
            _overlay(
                material,
                prediction.labels,
                prediction.schema,
                "The prediction",
                prediction.instance_ids,
            ),
            f"Prediction of {material.title}",
        ),
    ]
    parts: list[Markup] = []
    reference = material.window_reference
    if reference is not None:
        codes = difference(
            reference,
            material.mapped(prediction.labels),
            material.schema.ignore_index,
            nothing=material.schema.elsewhere_id,
        )
        mixed = blended(photo, codes, difference_table())
        shown += [
            Captioned(
                _overlay(material, reference, material.schema, "The annotation"), "Annotation"
            ),
            Captioned(picture(mixed, "Where both differ", longest=LONGEST), "Difference"),
        ]
        used = [c for c in DIFFERENCE_COLORS if (codes == c).any()]
        parts.append(
            legend([(DIFFERENCE_COLORS[c], DIFFERENCE_NAMES[c]) for c in used], "Difference")
        )
    classes = _legend(prediction.labels, prediction.schema)
    parts = [gallery(shown, 250 if len(shown) > 2 else 420), classes, *parts]
    if found.scores is None:
        parts.append(
            paragraph("There is no annotation of this image, so nothing is scored.", hint=True)
        )
    else:
        parts.append(scores_table(found.scores, material.schema))
    window = material.placement.window
    if window.shape_hw != material.placement.photo_hw:
        text = f"{window.width} x {window.height} pixels at {window.left}, {window.top}"
        parts.append(note(f"The image is large: this report is of a part of it, {text}."))
    return Section("image", "The image", joined(parts))


def scores_table(scores: MaskScores, schema: LabelSchema) -> Markup:
    """Scores of each class and their means."""
    metrics = scores.metrics
    palette = schema.palette()
    rows: list[list[object]] = []
    for i, class_id in enumerate(metrics.class_ids):
        if metrics.truth_pixels[i] == 0 and metrics.predicted_pixels[i] == 0:
            continue
        iou = float(metrics.iou[i])
        rows.append(
            [
                swatch(palette[class_id].tolist(), schema.name_of(class_id)),
                Cell(ratio_text(iou), iou),
                ratio_text(float(metrics.dice[i])),
                ratio_text(float(metrics.precision[i])),
                ratio_text(float(metrics.recall[i])),
                ratio_text(float(scores.boundary_iou[i])),
                f"{int(metrics.truth_pixels[i]):,}",
                f"{int(metrics.predicted_pixels[i]):,}",
            ]
        )
    rows.append(
        [
            "mean", ratio_text(metrics.mean_iou), ratio_text(metrics.mean_dice), "", "",
            ratio_text(scores.mean_boundary_iou), f"{metrics.total:,}", "",
        ]
    )  # fmt: skip
    headers = (
        "class", "IoU", "Dice", "precision", "recall", "boundary IoU", "annotated pixels",
        "predicted pixels",
    )  # fmt: skip
    missing = len(metrics.class_ids) - (len(rows) - 1)
    caption = "Scores against the annotation."
    if missing:
        caption += f" {missing} classes are in neither map and count in no mean."
    return table(headers, rows, numbers=range(1, 8), caption=caption, strong=(len(rows) - 1,))


def making_section(
    material: Material, found: Findings, spec: ModelSpec, device: str, now: datetime
) -> Section:
    """Versions, settings, and what could not be found."""
    placement = material.placement
    facts: dict[str, object] = {
        "Model": joined((element("code", spec.id), f" {spec.title} ({material.trace.model})")),
        "Weights": spec.weights.filename if spec.weights is not None else "none",
        "Licence of the weights": spec.licence or "not stated",
        "About the model": spec.description or "no description",
        "Preprocessing": settings_text(spec.preprocess),
        "Network options": settings_text(spec.options),
        "Device": device,
        "Image": f"{material.image}, {_size(placement.photo_hw)} pixels",
        "Network input": f"{_size(placement.padded_hw)}, of which {_size(placement.resized_hw)} "
        "show the image and the rest is padding"
        if placement.padded_hw != placement.resized_hw
        else _size(placement.padded_hw),
        "Activations": "kept as float16; pictures leave the input's padding out",
        "Cuts": f"a cut skip carries {INSTEAD[material.how]}; the model itself is not changed",
        "Software": versions_text(),
        "Made": now.astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    }
    parts = [definitions(facts)]
    notes = [*material.trace.notes, *material.prediction.notes]
    if notes:
        parts.append(joined((element("h3", "Notes of the trace"), bullets(notes))))
    if found.problems:
        missing = [f"{name}: {reason}" for name, reason in found.problems.items()]
        parts.append(joined((element("h3", "What could not be found"), bullets(missing))))
    return Section("making", "How this was made", joined(parts))


def _overlay(
    material: Material,
    labels: Labels,
    schema: LabelSchema,
    alt: str,
    instances: InstanceIds | None = None,
) -> Markup:
    shown = overlay_rgb(material.window, labels, schema, instances=instances)
    return picture(shown, alt, longest=LONGEST)


def _legend(labels: Labels, schema: LabelSchema) -> Markup:
    """Colours of the classes in a map, the most frequent first."""
    counts = np.bincount(labels.reshape(-1), minlength=256)
    present = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i] and i != 0]
    palette = schema.palette()
    return legend(
        [(palette[i].tolist(), schema.name_of(i)) for i in present[:_LEGEND_CLASSES]], "Classes"
    )


def _size(shape_hw: tuple[int, int]) -> str:
    return f"{shape_hw[1]} x {shape_hw[0]}"
