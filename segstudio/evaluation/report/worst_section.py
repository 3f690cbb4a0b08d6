"""The report's section of pictures: the images that models fail on, and those they part on."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from segstudio.core.difference import DIFFERENCE_COLORS, DIFFERENCE_NAMES, difference
from segstudio.core.formatting import ratio_text
from segstudio.core.labels import Image, InstanceIds, Labels
from segstudio.core.progress import Report
from segstudio.core.render import difference_table, overlay_rgb
from segstudio.evaluation.report.class_sections import SECTIONS
from segstudio.evaluation.report.image_sections import mean_of_runs, worst_first
from segstudio.evaluation.report.material import EvaluationMaterial, ShownImage
from segstudio.report.page import Section, section
from segstudio.report.pictures import blended, photograph

WORST: Final = 8
PARTED: Final = 6
_LONGEST: Final = 320
# larger maps are thinned out before they are drawn: the report shows them much smaller
_DRAWN_PX: Final = 1280
_PAPER: Final = 96
_LEGEND_CLASSES: Final = 24
_Places = npt.NDArray[np.intp]
_Picture = tuple[Markup, str, str]
"""The picture, a title or "", and what follows it in the caption."""


def worst_section(material: EvaluationMaterial, report: Report) -> Section:
    """Pictures of the worst images and of those where the two best models differ most.

    One image is in memory at a time.

    Args:
        material: What is compared.
        report: Told of the progress.
    """
    worst, parted = _worst(material), _parted(material)
    total = len(worst) + len(parted)
    palette = material.schema.palette()
    ids = material.schema.foreground_among(material.class_ids)
    drawn = [
        _pictures(material, int(place), done, total, report)
        for done, place in enumerate((*worst, *parted))
    ]
    report(total, total, "")
    return section(
        SECTIONS,
        "worst",
        "The worst images",
        classes=[(palette[i].tolist(), material.name_of(i)) for i in ids[:_LEGEND_CLASSES]],
        difference=[(color, DIFFERENCE_NAMES[code]) for code, color in DIFFERENCE_COLORS.items()],
        lead_name=material.lead_name,
        several=len(material.runs) > 1,
        images=drawn[: len(worst)],
        parted=drawn[len(worst) :],
        names=[material.titles[run.id] for run in material.ranked[:2]],
    )


def _worst(material: EvaluationMaterial) -> _Places:
    known = ~np.isnan(mean_of_runs(material))
    order = worst_first(material)
    return order[known[order]][:WORST]


def _parted(material: EvaluationMaterial) -> _Places:
    """Images whose `lead` score by the two best models differs most, but the worst."""
    if len(material.runs) < 2:
        return np.zeros(0, np.intp)
    first, second = (run.column(material.lead) for run in material.ranked[:2])
    apart = np.abs(first - second)
    order = np.argsort(-apart, kind="stable")
    order = order[np.nan_to_num(apart[order]) > 0]
    return order[~np.isin(order, _worst(material))][:PARTED]


def _pictures(
    material: EvaluationMaterial, place: int, done: int, total: int, report: Report
) -> tuple[str, list[_Picture], str]:
    """The image's name, its pictures, and the style of their grid; without what cannot be read."""
    name = material.images[place]
    report(done, total, f"Drawing {name}")
    shown = material.show(place)
    if shown is None:
        return name, [], ""
    pictures = _grid(material, place, _thinned(shown))
    columns = len(pictures) // 2
    return name, pictures, f"--columns:{columns};max-width:{columns * (_LONGEST + 16)}px"


def _grid(material: EvaluationMaterial, place: int, shown: ShownImage) -> list[_Picture]:
    """The photo and each model's answer, below them the annotation and each difference."""
    name, schema = material.images[place], material.schema
    left_out = schema.left_out_id if schema.leaves_out else None
    photo = shown.photo
    below = np.full((*shown.truth.shape, 3), _PAPER, np.uint8) if photo is None else photo
    truth = _overlay(material, below, shown.truth, shown.truth_objects)
    above = [_picture(below, f"{name}: the photo", "Photo" if photo is not None else "No photo")]
    under = [_picture(truth, f"{name}: the annotation", "Annotation")]
    for run in material.ranked:
        labels, title = shown.answers.get(run.id), material.titles[run.id]
        if labels is None:
            continue
        iou = ratio_text(float(run.column(material.lead)[place]))
        answer = _overlay(material, below, labels, shown.objects.get(run.id))
        codes = difference(shown.truth, labels, schema.ignore_index, left_out, schema.elsewhere_id)
        wrong = blended(below, codes, difference_table(0.65))
        above.append(_picture(answer, f"{name}: {title}", iou, title))
        under.append(_picture(wrong, f"{name}: difference of {title}", "Difference"))
    return above + under


def _picture(pixels: Image, alt: str, caption: str, title: str = "") -> _Picture:
    return photograph(pixels, alt, longest=_LONGEST), title, caption


def _overlay(
    material: EvaluationMaterial, below: Image, labels: Labels, objects: InstanceIds | None
) -> Image:
    return overlay_rgb(below, labels, material.schema, instances=objects)


def _thinned(shown: ShownImage) -> ShownImage:
    """The image with at most `_DRAWN_PX` pixels a side, so that large ones are drawn soon."""
    step = -(-max(shown.truth.shape) // _DRAWN_PX)
    if step == 1:
        return shown
    truth = np.ascontiguousarray(shown.truth[::step, ::step])
    photo = shown.photo
    if photo is not None:
        # made smaller by area, where masks take every n-th pixel: ids are never mixed
        size = (truth.shape[1], truth.shape[0])
        photo = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    return ShownImage(
        truth,
        {run: np.ascontiguousarray(m[::step, ::step]) for run, m in shown.answers.items()},
        photo,
        None if shown.truth_objects is None else shown.truth_objects[::step, ::step].copy(),
        {run: m[::step, ::step].copy() for run, m in shown.objects.items()},
    )
