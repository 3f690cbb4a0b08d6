"""Predicted masks held against ground truth: an evaluation of folders of masks in place of models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from segstudio.core.candidate import Candidate
from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.instances import InstanceMatch, match_instances
from segstudio.core.labels import Image, InstanceIds, Labels
from segstudio.core.schema import LabelSchema
from segstudio.evaluation.mask_pairs import MISSING_TEXTS, MaskFolders, MaskSides, Missing, Pair
from segstudio.evaluation.own_pixels import OwnOfMasks
from segstudio.evaluation.report.material import (
    EvaluatedRun,
    EvaluationMaterial,
    ShownImage,
)
from segstudio.jobs import Job
from segstudio.metrics.bootstrap import PairedDifference, paired_difference
from segstudio.metrics.detection_curves import DETECTIONS
from segstudio.metrics.image_figures import FolderFigures, ImageFigures, figures_of
from segstudio.metrics.measure import AnyMeasure
from segstudio.storage.decode import read_image
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.layout import mask_base
from segstudio.storage.scan import scan

_REMARKS: Final = 5
OBJECT_IOU: Final = 0.5
"""From this IoU on a predicted object is one of the ground truth's."""
_NO_IOU: Final = 0.01
_NAMED: Final = 20


@dataclass(frozen=True, eq=False)
class MaskEvaluation:
    """A folder of predicted masks and what was counted.

    Attributes:
        masks: The folders as they were read.
        wanted: What was counted besides IoU, Dice and accuracy.
        missing: What ground truth without a prediction counts as.
        figures: Of each image, by file of the ground truth.
        objects: How the objects of each image match in which both sides tell them apart.
        without_truth: Names of the predictions that have no ground truth.
        remarks: That all of a mask is ignored, or has no class.
        own: What of the ground truth the model wrote itself, so that it was left out.
    """

    masks: MaskFolders
    wanted: Sequence[AnyMeasure]
    missing: Missing
    figures: dict[Path, ImageFigures] = field(default_factory=dict)
    objects: list[InstanceMatch] = field(default_factory=list)
    without_truth: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    own: OwnOfMasks = field(default_factory=lambda: OwnOfMasks(""))

    @property
    def place(self) -> Path:
        """The folder of the predictions, as it was named."""
        return self.masks.places[0].given

    @property
    def schema(self) -> LabelSchema:
        """The classes."""
        return self.masks.schema

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided of the values of the masks, or is to be asked, and the first remarks."""
        more = len(self.remarks) - _REMARKS
        rest = (f"The same holds of {more} more masks.",) if more > 0 else ()
        differ = filter(None, [self.numbers_differ])
        return (
            *self.masks.notes, *self.own.notes, *self.remarks[:_REMARKS], *rest, *differ
        )  # fmt: skip

    @cached_property
    def folder(self) -> FolderFigures:
        """The figures of all images, of the classes of the schema and those that turned up."""
        ids = self.ids_with()
        return FolderFigures.of(self.figures.values(), ids, self.schema.foreground_among(ids))

    def ids_with(self, others: Iterable[ImageFigures] = ()) -> list[int]:
        """The classes to score if those that turned up in `others` are scored too."""
        found = {i for f in chain(self.figures.values(), others) for i in f.pairs.class_ids}
        return sorted({*self.schema.scored_ids, *found} - {self.schema.ignore_index})

    @property
    def numbers_differ(self) -> str:
        """That the classes of both sides may have other numbers, as next to none agrees; or ""."""
        folder, truth, found = self.folder, self.masks.truth, self.masks.predictions
        scores, rows = folder.metrics, np.isin(folder.class_ids, folder.foreground_ids)
        rows &= np.isfinite(scores.iou)
        labelled = scores.truth_pixels[rows].any() and scores.predicted_pixels[rows].any()
        if np.count_nonzero(rows) < 2 or not labelled or scores.iou[rows].max() >= _NO_IOU:
            return ""
        sides = (_numbers(index.class_numbers) for index in (truth, found))
        return (
            "next to no pixel has the same class on both sides: the numbers may mean other classes "
            "on each, as the ids and train ids of Cityscapes do. The ground truth holds {}, the "
            "predictions {}; they are matched by number.".format(*sides)
        )

    def minus(self, other: MaskEvaluation) -> PairedDifference:
        """How these predictions differ from others, on the images of both.

        Raises:
            SegstudioError: if there is no such image.
        """
        common = [path for path in self.figures if path in other.figures]
        if not common:
            raise SegstudioError(
                f"{self.place} and {other.place} have no image in common.",
                "Both need predictions of the same images.",
            )
        ids = self.ids_with(other.figures[path] for path in common)
        first, second = ([one.figures[p].pairs for p in common] for one in (other, self))
        return paired_difference(
            first, second, ids, foreground_ids=self.schema.foreground_among(ids)
        )


def _numbers(ids: Iterable[int]) -> str:
    found = [str(i) for i in sorted(ids)]
    return ", ".join(found[:_NAMED]) + (", ..." if len(found) > _NAMED else "")


def evaluate_masks(
    sides: MaskSides, job: Job, wanted: Sequence[AnyMeasure] = (), missing: Missing = "ignore"
) -> MaskEvaluation:
    """Hold a folder of predicted masks against one of ground truth.

    Masks are matched by name as images and their ground truth are. Ground truth of instances
    counts as one class.

    Args:
        sides: What is held against what.
        job: Told how far it is, and asked whether to stop.
        wanted: What is counted besides IoU, Dice and accuracy.
        missing: What ground truth without a prediction counts as.

    Raises:
        SegstudioError: if a folder, a mask or the schema cannot be used; names the files.
        CancelledError: if the job was cancelled.
    """
    masks = MaskFolders.open(sides, with_detections=DETECTIONS in wanted)
    own = OwnOfMasks("") if sides.with_own else OwnOfMasks.beside(masks.places[0].given)
    found = MaskEvaluation(masks, wanted, missing, own=own)
    empty = masks.empty_pairs() if missing == "background" else ()
    for done, pair in enumerate(chain(masks.pairs(), empty)):
        job.check()
        job.report(done, len(masks.refs) + len(masks.missing))
        if isinstance(pair, ImageRef):
            found.without_truth.append(pair.name)
            continue
        truth, objects = pair.truth, pair.predicted_objects
        answer = Candidate(
            pair.prediction.labels,
            objects,
            scores=pair.scores,
            found=pair.found,
            left_out=own.mask_of(pair.truth_path, truth.shape_hw),
        )
        figures = figures_of(truth, answer, masks.schema, wanted, pair.name)
        _require_known_ids(masks, pair, figures)
        found.figures[pair.truth_path] = figures
        # Those without a prediction come last, and miss objects only if any prediction has some.
        matched = done < len(masks.refs) or bool(found.objects)
        if matched and truth.instances is not None and objects is not None:
            ignored = masks.schema.ignore_index
            found.objects.append(_match(truth.labels, truth.instances, objects, ignored))
        found.remarks.extend(pair.remarks)
    return found


def _match(
    labels: Labels, ids: InstanceIds, predicted_ids: InstanceIds, ignored: int | None
) -> InstanceMatch:
    """Match objects of whatever class, by the rules for ignored pixels and crowds of PQ."""
    void = np.full(labels.shape, False) if ignored is None else labels == ignored
    things = np.unique(labels[(ids > 0) & ~void])
    crowd = np.isin(labels, things[things > 0]) & (ids == 0)
    return match_instances(ids, predicted_ids, OBJECT_IOU, void, crowd)


def _require_known_ids(folders: MaskFolders, pair: Pair, figures: ImageFigures) -> None:
    if not folders.declared:
        return
    # The ignored id says nothing: it is of no class, with a class list as without one.
    known = {*folders.schema.ids, folders.schema.ignore_index, folders.schema.elsewhere_id}
    unknown = [i for i in figures.pairs.predicted_ids if i not in known]
    if unknown:
        raise SegstudioError(
            f"The prediction {pair.name} has class ids that the schema does not know: "
            f"{', '.join(map(str, unknown))}.",
            "Give the schema of the classes that were predicted with --schema.",
        )


def material_of(
    measured: Sequence[MaskEvaluation], photos: Path | None = None, command: str = ""
) -> EvaluationMaterial:
    """What a report of folders of masks is made from: the images that all of them have.

    Args:
        measured: The folders, at least one; the first gives the classes.
        photos: Folder of the images; None if there is none to show.
        command: The line that repeats it.

    Raises:
        SegstudioError: if the folder of the images cannot be read.
    """
    class_ids = measured[0].ids_with(f for m in measured[1:] for f in m.figures.values())
    paths = [p for p in measured[0].figures if all(p in m.figures for m in measured)]
    names = _titles([m.place for m in measured])
    figures = {n: [m.figures[p] for p in paths] for n, m in zip(names, measured, strict=True)}
    masks = {n: m.masks for n, m in zip(names, measured, strict=True)}
    foreground = measured[0].schema.foreground_among(class_ids)
    runs = [
        EvaluatedRun.of(
            name,
            name,
            figures[name],
            class_ids,
            {
                "Masks": str(one.place.resolve()),
                "Values of the masks": one.masks.predictions.in_words,
            },
            foreground_ids=foreground,
            notes=tuple(note for note in (_detections_note(one.masks),) if note),
        )
        for name, one in zip(names, measured, strict=True)
    ]
    pictures = None if photos is None else _photos(photos)

    def paired(first: str, second: str) -> PairedDifference:
        pairs = [[f.pairs for f in figures[run]] for run in (first, second)]
        return paired_difference(pairs[0], pairs[1], class_ids, foreground_ids=foreground)

    def show(place: int) -> ShownImage | None:
        try:
            found = {n: masks[n].pair_at(paths[place]) for n in names}
        except SegstudioError:
            return None
        return _shown({n: p for n, p in found.items() if p is not None}, pictures)

    truth = measured[0].masks.places[1]
    return EvaluationMaterial(
        "/".join(truth.given.resolve().parts[-2:]),
        measured[0].schema,
        [measured[0].figures[p].name for p in paths],
        tuple(runs),
        paired,
        show,
        _settings(measured[0].masks),
        command,
        (*_left_out(measured, len(paths)), *_missing(measured)),
        tuple(_doubts(dict(zip(names, measured, strict=True)))),
    )


def _detections_note(masks: MaskFolders) -> str:
    """Where average precision comes from, if that matters."""
    if masks.detections is not None:
        return f"Average precision is of the detections in {masks.detections.path}."
    return f"Average precision: {masks.lost_detections}" if masks.lost_detections else ""


def _settings(masks: MaskFolders) -> dict[str, str]:
    truth = masks.places[1]
    found = {"Ground truth": str(truth.classes.resolve())}
    if truth.instances is not None:
        found["Its objects"] = str(truth.instances.resolve())
    return {**found, "Values of the ground truth": masks.truth.in_words}


def _doubts(measured: Mapping[str, MaskEvaluation]) -> Iterator[str]:
    """What is said of the masks, each once; of the second folder on with its name."""
    told = set[str]()
    for name, one in measured.items():
        for note in (*one.notes, *one.masks.by_number):
            if note not in told:
                yield f"{name}: {note}" if told else note
        told |= {"", *one.notes, *one.masks.by_number}


def _missing(measured: Sequence[MaskEvaluation]) -> list[str]:
    """That ground truth has no prediction, and what it counts as."""
    texts = [one.masks.missing_text() for one in measured]
    return [f"{text} {MISSING_TEXTS[measured[0].missing]}" for text in texts if text]


def _titles(folders: Sequence[Path]) -> list[str]:
    """Names of folders, with as many of their parents as tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    depth = 1
    while len({p[-depth:] for p in parts}) < len(parts) and depth < max(map(len, parts)):
        depth += 1
    return ["/".join(p[-depth:]).lstrip("/") for p in parts]


def _photos(folder: Path) -> dict[str, ImageRef]:
    """Images by their names without extension."""
    found = scan(folder)
    refs = [ImageRef(name, str(found.images_root)) for name in found.names]
    return {_key(ref): ref for ref in refs}


def _key(ref: ImageRef) -> str:
    return f"{ref.folder}/{ref.stem}"


def _shown(pairs: Mapping[str, Pair], photos: Mapping[str, ImageRef] | None) -> ShownImage | None:
    if not pairs:
        return None
    first = next(iter(pairs.values()))
    return ShownImage(
        first.truth.labels,
        {name: pair.prediction.labels for name, pair in pairs.items()},
        None if photos is None else _photo_of(first, photos),
        first.truth.instances,
        {n: p.predicted_objects for n, p in pairs.items() if p.predicted_objects is not None},
    )


def _photo_of(pair: Pair, photos: Mapping[str, ImageRef]) -> Image | None:
    """The photo of a mask, by its name with or without an ending like _mask."""
    mask = ImageRef(pair.name, "")
    names = [_key(mask)]
    base = mask_base(mask.stem)
    names += [f"{mask.folder}/{base}"] if base is not None else []
    ref = next((photos[name] for name in names if name in photos), None)
    if ref is None:
        return None
    try:
        pixels = read_image(ref.path).pixels
    except SegstudioError:
        return None
    return pixels if pixels.shape[:2] == pair.truth.labels.shape else None


def _left_out(measured: Sequence[MaskEvaluation], number: int) -> tuple[str, ...]:
    some = set().union(*(set(m.figures) for m in measured))
    missing = len(some) - number
    if not missing:
        return ()
    text = (
        "The folders do not have the same masks. All figures are of the "
        f"{counted(number, 'image')} that all have in common; "
        f"{counted(missing, 'other is', 'others are')} left out."
    )
    return (text,)
