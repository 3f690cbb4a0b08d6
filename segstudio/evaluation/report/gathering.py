"""Bringing a report's material together: from the lines of a folder's evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import numpy as np

from segstudio.core.class_mapping import adapt, why_unscored
from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.prediction import Prediction
from segstudio.core.progress import Report
from segstudio.core.provenance import OwnPixels
from segstudio.evaluation.conditions import Conditions, Contender, References
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.evaluation.own_pixels import left_out_text, own_pixels_text, started_on_disk
from segstudio.evaluation.report.facts import class_mapping, facts_of, notes_of, settings_of
from segstudio.evaluation.report.material import (
    EvaluatedRun,
    EvaluationMaterial,
    ShownImage,
)
from segstudio.evaluation.report.wording import stacks_text
from segstudio.evaluation.rows import METRICS, ImageRow, pairs_of
from segstudio.evaluation.sums import RunSums
from segstudio.metrics.bootstrap import PairedDifference, paired_difference
from segstudio.report.page import part_of
from segstudio.storage.decode import read_image
from segstudio.storage.image_ref import ImageRef, PageTitles

_STEP: Final = 64
"""Images that are unpacked at a time."""


@dataclass(frozen=True, eq=False)
class EvaluatedFolder:
    """An evaluation as it was when the report was asked for; nothing in it changes any more.

    Attributes:
        conditions: The models, the classes, what was counted.
        references: The folder, and what its images were measured against.
        images: All images of the folder.
        titles: Names of the images and of their pages, by position.
        rows: Lines by model and image, those without ground truth too.
        command: Line that repeats it; "" if there is none.
        stacks: Of stacks the pages that were evaluated, and those in all, by name.
    """

    conditions: Conditions
    references: References
    images: Sequence[ImageRef]
    titles: PageTitles
    rows: Mapping[str, Mapping[int, ImageRow]] = field(repr=False)
    command: str = ""
    stacks: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        table: EvaluationTable,
        conditions: Conditions,
        references: References,
        command: str = "",
    ) -> EvaluatedFolder:
        """Take what a table holds of the conditions' models."""
        rows = {}
        for contender in conditions.contenders:
            run = contender.id
            found = ((int(i), table.row(int(i), run)) for i in table.indices(run))
            rows[run] = {index: row for index, row in found if row is not None}
        images = references.files.project.images
        return cls(conditions, references, images, table.names, rows, command, table.stacks(rows))

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """The models that have any line, and whose figures may be made."""
        schema = self.references.schema
        known = (c for c in self.conditions.contenders if self.rows.get(c.id))
        return tuple(c for c in known if c.is_scored(schema))

    @property
    def doubts(self) -> tuple[str, ...]:
        """What the figures depend on and nobody has said, and which models have none for it."""
        schema = self.references.schema
        unscored = (
            f"{c.spec.title} is not scored: {why}"
            for c in self.conditions.contenders
            if (why := why_unscored(c.spec.schema, schema))
        )
        return (*self.references.doubts, *unscored)


def gather(
    evaluated: EvaluatedFolder, check: Callable[[], None], report: Report
) -> EvaluationMaterial:
    """Add up the images that all models were measured on.

    Args:
        evaluated: The evaluation.
        check: Called while weights are read for their digests; what it raises stops the work.
        report: Told of the progress; may raise to stop.

    Raises:
        SegstudioError: if there is no such image.
    """
    contenders = evaluated.contenders
    scored = {c.id: _scored(evaluated.rows[c.id]) for c in contenders}
    common = sorted(set.intersection(*scored.values())) if scored else []
    if not common:
        raise SegstudioError(
            "There is nothing to report: no image with ground truth was evaluated by all models.",
            "Evaluate the models on a folder with ground truth or annotations.",
        )
    runs = []
    for number, contender in enumerate(contenders):
        part = part_of(
            report, 100 * number // len(contenders), 100 * (number + 1) // len(contenders)
        )
        runs.append(_run(evaluated, contender, common, check, part))
    own = _own_pixels(evaluated, common)
    told = [own_pixels_text(r.title, len(own[r.id]), len(common)) for r in runs if own[r.id]]
    for run in runs:
        found = (evaluated.rows[run.id][index].own for index in common)
        left_out = sum((one for one in found if one is not None), OwnPixels())
        told += [left_out_text(run.title, left_out)] if left_out.own else []
    return EvaluationMaterial(
        evaluated.references.files.project.name,
        evaluated.references.schema,
        [evaluated.titles[i] for i in common],
        tuple(runs),
        lambda first, second: _paired(evaluated, common, first, second),
        lambda place: _shown(evaluated, evaluated.images[common[place]]),
        settings_of(evaluated.conditions, evaluated.references),
        evaluated.command,
        _left_out(evaluated, scored, common),
        (*evaluated.doubts, *told),
        own,
    )


def _own_pixels(evaluated: EvaluatedFolder, common: Sequence[int]) -> dict[str, frozenset[int]]:
    """Of each model the places in `common` of the images whose mask has pixels of it."""
    started = started_on_disk(evaluated.references, common)
    return {
        c.id: frozenset(
            n
            for n, index in enumerate(common)
            if c.id in started.get(index, ()) and evaluated.rows[c.id][index].own is None
        )
        for c in evaluated.contenders
    }


def _scored(rows: Mapping[int, ImageRow]) -> set[int]:
    """Images that have something to measure against."""
    return {index for index, row in rows.items() if row.keys}


def _run(
    evaluated: EvaluatedFolder,
    contender: Contender,
    common: Sequence[int],
    check: Callable[[], None],
    report: Report,
) -> EvaluatedRun:
    rows = evaluated.rows[contender.id]
    schema = evaluated.references.schema
    title = contender.spec.title
    sums = RunSums(schema.scored_ids, schema.foreground_ids)
    waiting = iter(common)
    for done in range(0, len(common), _STEP):
        report(done, len(common), f"Adding up {title}")
        sums.put({index: rows[index] for index in islice(waiting, _STEP)})
    total = sums.total()
    assert total is not None
    scores = np.stack([rows[i].scores for i in common])
    columns = {name: scores[:, place] for place, name in enumerate(METRICS)}
    report(len(common), len(common), f"Reading the weights of {title}")
    return EvaluatedRun(
        contender.id,
        title,
        total,
        {name: values for name, values in columns.items() if not np.isnan(values).all()},
        np.stack([rows[i].class_iou for i in common]).astype(np.float64),
        facts_of(contender, evaluated.references, evaluated.images[common[0]], check),
        class_mapping(contender.spec.schema, evaluated.references.schema),
        notes_of(contender.spec.schema, evaluated.references.schema),
    )


def _paired(
    evaluated: EvaluatedFolder, common: Sequence[int], first: str, second: str
) -> PairedDifference:
    counts = {
        run: [pairs_of(evaluated.rows[run][i].keys, evaluated.rows[run][i].pixels) for i in common]
        for run in (first, second)
    }
    schema = evaluated.references.schema
    return paired_difference(
        counts[first], counts[second], schema.scored_ids, foreground_ids=schema.foreground_ids
    )


def _shown(evaluated: EvaluatedFolder, ref: ImageRef) -> ShownImage | None:
    """An image with what its models said, from the disk."""
    references = evaluated.references
    try:
        photo = read_image(ref.path, ref.page).pixels
        truth = references.read(ref, (photo.shape[0], photo.shape[1]))
    except SegstudioError:
        return None
    if truth is None:
        return None
    answers: dict[str, Prediction] = {}
    for contender in evaluated.contenders:
        raw = references.files.predictions.load(ref.path, contender.run, ref.page)
        if raw is not None:
            answers[contender.id] = adapt(contender.drawn(raw), references.schema)
    return ShownImage(
        truth.labels,
        {run: prediction.labels for run, prediction in answers.items()},
        photo,
        truth.instances,
        {
            run: prediction.instance_ids
            for run, prediction in answers.items()
            if prediction.instance_ids is not None
        },
    )


def _left_out(
    evaluated: EvaluatedFolder, scored: Mapping[str, set[int]], common: Sequence[int]
) -> tuple[str, ...]:
    some = set.union(*scored.values())
    looked_at = {index for rows in evaluated.rows.values() for index in rows}
    texts = []
    if len(some) > len(common):
        texts.append(
            "The models were not evaluated on the same images. All figures are of the "
            f"{counted(len(common), 'image')} that all have in common; "
            f"{counted(len(some) - len(common), 'other is', 'others are')} left out."
        )
    without = len(looked_at) - len(some)
    if without:
        texts.append(f"{counted(without, 'image has', 'images have')} no ground truth.")
    stacks = evaluated.titles.stacks
    if stacks:
        texts.append(stacks_text(evaluated.stacks))
    missing = len(evaluated.images) + sum(stacks.values()) - len(stacks) - len(looked_at)
    if missing:
        texts.append(
            f"{counted(missing, 'image of the folder was', 'images of the folder were')} "
            "not evaluated."
        )
    return tuple(texts)
