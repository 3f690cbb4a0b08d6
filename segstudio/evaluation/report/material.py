"""What a report tells of: models that were evaluated on the same images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np

from segstudio.core.labels import Image, InstanceIds, Labels
from segstudio.core.schema import LabelSchema
from segstudio.metrics.bootstrap import PairedDifference
from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.confusion import Metrics
from segstudio.metrics.image_figures import TIME, FolderFigures, ImageFigures, figures_at
from segstudio.metrics.image_table import ImageTable
from segstudio.metrics.measure import Where
from segstudio.metrics.tally import lead_key

_SECONDS = TIME.figures[0].key
SCORES: dict[str, str] = {figure.key: figure.label for figure in figures_at(Where.IMAGES)}
"""Scores of an image, by their names in files, and their names for people."""


@dataclass(frozen=True, eq=False)
class EvaluatedRun:
    """A model as it was run on a folder, or a folder of masks from elsewhere.

    Attributes:
        id: Its key.
        title: Its name for people.
        folder: Its figures over all images.
        columns: Scores of each image by their names in `SCORES`, (n,) each; NaN where a
            score is not defined.
        class_iou: (n, K) IoU of each image and class of `folder.class_ids`.
        facts: What it is and how it ran, by name.
        mapping: (class of the model, class of the folder, or what becomes of it), if the classes
            differ.
        notes: What the reader should know of it.
    """

    id: str
    title: str
    folder: FolderFigures
    columns: Mapping[str, Numbers] = field(repr=False)
    class_iou: Numbers = field(repr=False)
    facts: Mapping[str, object] = field(default_factory=dict)
    mapping: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        run: str,
        title: str,
        figures: Iterable[ImageFigures],
        class_ids: Sequence[int],
        facts: Mapping[str, object] | None = None,
        *,
        foreground_ids: Sequence[int] | None = None,
        notes: tuple[str, ...] = (),
    ) -> EvaluatedRun:
        """From the figures of each image.

        Args:
            run: Its key.
            title: Its name for people.
            figures: Of each image, in the order of the images.
            class_ids: The classes to score.
            facts: What it is and how it ran, by name.
            foreground_ids: Those of the classes that are not background; None: all.
            notes: What the reader should know of it.
        """
        known = list(figures)
        scores = ImageTable.of(known, class_ids, foreground_ids)
        folder = FolderFigures.of(known, class_ids, foreground_ids)
        columns = _columns_of(known, scores, class_ids)
        return cls(run, title, folder, columns, scores.iou, dict(facts or {}), notes=notes)

    def column(self, name: str) -> Numbers:
        """(n,) a score of each image; all NaN if it was not counted."""
        found = self.columns.get(name)
        return np.full(len(self.class_iou), np.nan) if found is None else found


@dataclass(frozen=True, eq=False)
class ShownImage:
    """One image with what was said of it, to be drawn.

    Attributes:
        truth: (H, W) uint8 class ids of the ground truth.
        answers: By run: (H, W) uint8 class ids, in the folder's classes.
        photo: (H, W, 3) uint8 RGB; None if there is none.
        truth_objects: (H, W) uint16 objects of the ground truth, or None.
        objects: By run: (H, W) uint16 objects, for runs that tell them apart.
    """

    truth: Labels
    answers: Mapping[str, Labels]
    photo: Image | None = None
    truth_objects: InstanceIds | None = None
    objects: Mapping[str, InstanceIds] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class EvaluationMaterial:
    """Everything that a report is made from; safe to use from any thread.

    Attributes:
        title: Name of the folder.
        schema: Its classes.
        images: Names of the n images that all runs were evaluated on.
        runs: What is compared, at least one, in the order of the user's choice.
        paired: Compares two runs by their ids, the second minus the first.
        show: Reads an image by its place in `images`; None if it cannot be read any more.
        settings: What holds for all runs, by name.
        command: Line that repeats the evaluation; "" if there is none.
        left_out: Sentences on images that are not in the report, and why.
        doubts: Sentences on what the figures depend on and nobody has said.
        own_pixels: Of each run the places in `images` of those whose mask was started from it.
    """

    title: str
    schema: LabelSchema
    images: Sequence[str]
    runs: tuple[EvaluatedRun, ...]
    paired: Callable[[str, str], PairedDifference]
    show: Callable[[int], ShownImage | None]
    settings: Mapping[str, object] = field(default_factory=dict)
    command: str = ""
    left_out: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    own_pixels: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse runs that are not about the same images and classes.

        Raises:
            ValueError: if they are not, or there is no run.
        """
        if not self.runs:
            raise ValueError("a report of no run")
        shape = (len(self.images), len(self.class_ids))
        for run in self.runs:
            if run.class_iou.shape != shape or run.folder.class_ids != self.class_ids:
                raise ValueError(f"{run.id} is about other images or classes")

    def is_own(self, run: str, place: int) -> bool:
        """Whether an image's mask has pixels of the run that is measured on it."""
        return place in self.own_pixels.get(run, ())

    @property
    def class_ids(self) -> tuple[int, ...]:
        """The classes scored."""
        return self.runs[0].folder.class_ids

    @property
    def has_background(self) -> bool:
        """Whether one of the classes is background: then the foreground is what counts."""
        return self.runs[0].folder.has_background

    @property
    def lead(self) -> str:
        """The score that models and images are judged by, by its name in files."""
        return lead_key(has_foreground=self.has_background)

    @property
    def lead_name(self) -> str:
        """Its name for people."""
        return SCORES[self.lead]

    def folder(self, run: str) -> FolderFigures | None:
        """The figures of a run by its id."""
        return next((one.folder for one in self.runs if one.id == run), None)

    def lead_of(self, metrics: Metrics) -> float:
        """It, of some scores of the classes."""
        return metrics.mean_over(self.runs[0].folder.foreground_ids)[0]

    @cached_property
    def ranked(self) -> tuple[EvaluatedRun, ...]:
        """The runs, the highest mean IoU (of the foreground) first, those without one last."""
        scores = np.array([self.lead_of(run.folder.metrics) for run in self.runs])
        return tuple(self.runs[i] for i in np.argsort(-scores, kind="stable"))

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """Names for people by run; those that several have are told apart by the id."""
        names = [run.title for run in self.runs]
        return {
            run.id: run.title if names.count(run.title) == 1 else f"{run.title} ({run.id})"
            for run in self.runs
        }

    @cached_property
    def baselines(self) -> tuple[tuple[int, Metrics], ...]:
        """Classes with the scores of calling every pixel that: background, the largest class."""
        folder = self.runs[0].folder
        if not folder.metrics.total:
            return ()
        largest = self.class_ids[int(folder.metrics.truth_pixels.argmax())]
        background = self.schema.background_id
        wanted = [largest] if background not in self.class_ids else [background, largest]
        return tuple((i, folder.as_if_all(i)) for i in dict.fromkeys(wanted))

    def pairs(self) -> list[tuple[EvaluatedRun, EvaluatedRun]]:
        """Each two runs, the better one by `lead` second."""
        return [(b, a) for a, b in combinations(self.ranked, 2)]

    def name_of(self, class_id: int) -> str:
        """A class's name."""
        return self.schema.name_of(class_id)


def _columns_of(
    figures: Sequence[ImageFigures], scores: ImageTable, class_ids: Sequence[int]
) -> dict[str, Numbers]:
    """Scores of each image by name; those that no image has are left out."""
    rows = [
        {**f.values(class_ids, scores.foreground_ids).means, _SECONDS: f.seconds} for f in figures
    ]
    columns = {
        name: np.array([row.get(name, np.nan) for row in rows], np.float64) for name in SCORES
    }
    return {name: values for name, values in columns.items() if not np.isnan(values).all()}
