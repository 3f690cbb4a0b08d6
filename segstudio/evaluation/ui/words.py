"""What figures say, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from segstudio.core.class_mapping import why_unscored
from segstudio.core.formatting import count_text, counted, percent_text, ratio_text
from segstudio.core.prediction import ModelSpec
from segstudio.core.text import as_html, enumerated
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.evaluation.report import wording
from segstudio.evaluation.report.wording import caution, verdict
from segstudio.metrics.bootstrap import PairedDifference
from segstudio.metrics.confusion import Metrics
from segstudio.metrics.detection_curves import DETECTIONS
from segstudio.metrics.tally import lead_name

NO_TRUTH: Final = "There is nothing to measure against: these images have no ground truth."
_AP = DETECTIONS.figures[0].key
_TRAP_FROM = 0.6
"""A guess that is right this often makes the accuracy misleading."""


def pair_text(table: EvaluationTable, first: str, second: str, found: PairedDifference) -> str:
    """What separates two models over all classes, as rich text."""
    better, other = as_html(table.title(second)), as_html(table.title(first))
    said = as_html(verdict(found.lead, found.level))
    images, lead = counted(found.images, "image"), lead_name(table.schema)
    sentence = f"<b>{better}</b> against <b>{other}</b>, {lead} over {images}: <b>{said}</b>."
    parts = (sentence, wins_text(table, first, second), as_html(caution(found)))
    return " ".join(part for part in parts if part)


def wins_text(table: EvaluationTable, first: str, second: str) -> str:
    """On how many images the second model has the higher lead figure, and the lower."""
    common = table.common(first, second)
    scores = [
        table.column(run, table.lead)[np.searchsorted(table.indices(run), common)]
        for run in (first, second)
    ]
    ahead, behind = int((scores[1] > scores[0]).sum()), int((scores[1] < scores[0]).sum())
    if not ahead and not behind:
        return "They are equal on every image."
    if len(common) == 1:
        return ""
    return f"It is ahead on {count_text(ahead)} of these images, behind on {count_text(behind)}."


def ranking_text(table: EvaluationTable) -> str:
    """Which model is best at pixels, and which at objects where that is another, as rich text."""
    lead = table.lead
    pixels, objects = table.best(lead), table.best(_AP)
    if not pixels or not objects or _are_alike(table, lead) or _are_alike(table, _AP):
        return ""
    name = lead_name(table.schema)
    first, second = (f"<b>{as_html(table.title(run))}</b>" for run in (pixels, objects))
    if pixels == objects:
        return (
            f"{first} is best both at labelling pixels ({name}) and at telling objects "
            "apart (average precision)."
        )
    return (
        f"{first} is best at labelling pixels ({name}), {second} at telling objects apart "
        "(average precision): "
        "which one is right depends on what is counted later, areas or objects."
    )


def _are_alike(table: EvaluationTable, metric: str) -> bool:
    """Whether no model's figure is better than another's, as it is written."""
    return len({ratio_text(table.figure(run, metric)) for run in table.runs}) < 2


@dataclass(frozen=True)
class Guess:
    """What calling every pixel one class scores: the least that a model must beat.

    Attributes:
        name: Of the class: the background, or without one the most frequent class.
        metrics: The scores.
    """

    name: str
    metrics: Metrics


def guess_of(table: EvaluationTable) -> Guess | None:
    """The guess on the evaluated images; None without ground truth."""
    folder = next((f for run in table.runs if (f := table.folder(run)) is not None), None)
    if folder is None or folder.metrics.total == 0:
        return None
    class_id = table.schema.background_id
    if class_id is None:
        class_id = folder.class_ids[int(np.argmax(folder.metrics.truth_pixels))]
    return Guess(table.schema.name_of(class_id), folder.as_if_all(class_id))


def trap_text(table: EvaluationTable) -> str:
    """What the guess would score, and what follows for the figures, as rich text."""
    found = guess_of(table)
    if found is None:
        return ""
    guess, name = found.metrics, as_html(found.name)
    right = percent_text(guess.pixel_accuracy)
    score = guess.mean_over(table.schema.foreground_ids)[0]
    iou, lead = ratio_text(score), lead_name(table.schema)
    everything = (
        f"Calling every pixel “{name}” finds nothing, yet is right on {right} of the pixels"
    )
    if guess.pixel_accuracy < _TRAP_FROM:
        text = f"Calling every pixel “{name}” is right on {right} of the pixels ({lead} {iou})."
    else:
        text = f"{everything}. So read {lead}, not accuracy: there it gets {iou}."
    losers = [
        f"“{as_html(table.title(run))}”"
        for run in table.runs
        if table.figure(run, table.lead) <= score
    ]
    if losers:
        text += f" {enumerated(losers)} {'is' if len(losers) == 1 else 'are'} no better than that."
    return text


def fairness_text(table: EvaluationTable) -> str:
    """That models were not measured on the same images, or not on the same pixels, if so."""
    counts = {run: len(table.indices(run, scored=True)) for run in table.runs}
    if len(set(counts.values())) > 1:
        return "The models were not evaluated on the same images yet: their figures do not compare."
    folders = {run: f for run in table.runs if (f := table.folder(run)) is not None}
    pixels = {run: folder.metrics.total for run, folder in folders.items()}
    whole = max(pixels.values(), default=0)
    told = [
        f"“{as_html(table.title(run))}” is measured on {percent_text(seen / whole)} of the pixels: "
        "in the others it says classes that the class mapping ignores. Figures of other pixels do "
        "not compare."
        for run, seen in pixels.items()
        if seen < whole
    ]
    return " ".join(told)


def unscored_models_text(table: EvaluationTable, models: Mapping[str, ModelSpec]) -> str:
    """Which models have no figures although there is ground truth, and why."""
    titles: dict[str, list[str]] = {}
    for run in table.runs:
        why = why_unscored(models[run].schema, table.schema) if run in models else ""
        if why:
            titles.setdefault(why, []).append(f"“{as_html(table.title(run))}”")
    return " ".join(
        f"Not scored: {enumerated(names)}, since {as_html(why)}" for why, names in titles.items()
    )


def unscored_text(table: EvaluationTable) -> str:
    """That images without ground truth count in no figure, if there are any."""
    for run in table.runs:
        seen, scored = len(table.indices(run)), len(table.indices(run, scored=True))
        if 0 < scored < seen:
            verbs = ("has", "counts") if seen - scored == 1 else ("have", "count")
            return (
                f"{count_text(seen - scored)} of {count_text(seen)} images {verbs[0]} no ground "
                f"truth and {verbs[1]} in no figure."
            )
    return ""


def stacks_text(table: EvaluationTable) -> str:
    """That each page of a stack counts as an image, if there are stacks."""
    return as_html(wording.stacks_text(table.stacks()))


def objects_text(table: EvaluationTable) -> str:
    """Whose objects are connected regions, since the model does not tell objects apart."""
    names = []
    for run in table.runs:
        folder = table.folder(run)
        if folder and folder.part(DETECTIONS) is not None and folder.regions_as_objects:
            names.append(f"“{as_html(table.title(run))}”")
    if not names:
        return ""
    verb, them = ("does", "it") if len(names) == 1 else ("do", "them")
    return (
        f"{enumerated(names)} {verb} not tell objects apart: for {them}, AP and PQ take connected "
        "regions as objects."
    )
