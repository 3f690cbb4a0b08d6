"""What a measure is: counted of one image, added up over images, told as figures.

A measure is a row: `metrics.image_figures.MEASURES` lists them, and tables, charts, files, reports and
the command line are made from that list. A new one is a module with its sums and its row, and a line
in the list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, Flag, StrEnum, auto
from functools import cached_property
from typing import Any, Final, Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from segstudio.core.candidate import Candidate
from segstudio.core.labels import InstanceIds, Labels
from segstudio.metrics.class_sums import ClassPairs, Numbers
from segstudio.metrics.confusion import mean_of
from segstudio.metrics.segments import SegmentMaps


class Unit(StrEnum):
    """How a figure is written."""

    RATIO = "ratio"
    PERCENT = "percent"
    PIXELS = "px"
    SECONDS = "s"


class Where(Flag):
    """Of what a figure is told."""

    CLASSES = auto()
    FOLDER = auto()
    IMAGES = auto()


EVERYWHERE: Final = Where.CLASSES | Where.FOLDER | Where.IMAGES


class Needs(Enum):
    """What there has to be besides two class maps; without it nothing is counted."""

    NOTHING = auto()
    OBJECTS = auto()
    CONFIDENCE = auto()


class Part(Protocol):
    """What an image contributes: adds up, and goes to JSON and back."""

    @classmethod
    def total(cls, parts: Iterable[Self], /) -> Self:
        """The sum of any number of images."""
        ...

    def to_json(self) -> Any:
        """Plain values without NaN."""
        ...

    @classmethod
    def from_json(cls, data: Any, /) -> Self:
        """The inverse of `to_json`."""
        ...


P = TypeVar("P", bound=Part)
S = TypeVar("S")


@dataclass(frozen=True, eq=False)
class MeasuredImage:
    """One image as measures count it.

    Attributes:
        truth: (H, W) uint8 class ids; what counts nowhere has the ignore index.
        truth_ids: (H, W) uint16 objects, or None.
        candidate: What is held against it, of the same size and in the same classes.
        ignore_index: Class id of the truth that counts nowhere, or None.
        things: Classes whose objects are told apart where the truth tells objects apart.
    """

    truth: Labels
    truth_ids: InstanceIds | None
    candidate: Candidate
    ignore_index: int | None
    things: Sequence[int]

    @cached_property
    def pairs(self) -> ClassPairs:
        """Pixels by class of the truth and of the prediction."""
        return ClassPairs.of(self.truth, self.candidate.labels, self.ignore_index)

    @cached_property
    def maps(self) -> SegmentMaps:
        """The segments of both sides."""
        said = self.candidate
        return SegmentMaps.of(
            self.truth, self.truth_ids, said.labels, said.instance_ids, self.ignore_index, self.things
        )  # fmt: skip

    @property
    def maps_if_made(self) -> SegmentMaps | None:
        """The segments, if a measure asked for them."""
        found: SegmentMaps | None = self.__dict__.get("maps")
        return found


@dataclass(frozen=True)
class Figure(Generic[S]):
    """One figure: a column of tables.

    Attributes:
        key: Its name in tables and in CSV.
        title: Short name, for the head of a column.
        meaning: What it says, in a sentence or two.
        by_class: (K,) its values from the scores of K classes.
        over_all: Its value over all classes; None: the mean of `by_class`, which is then told of
            the foreground too.
        where: Of what it is told.
        name: Whole name.
        short: The head of its column among many other figures.
        label: Its title in reports.
        unit: How it is written.
        lower_is_better: Whether the smallest value is the best one.
        leads_foreground: Whether tables show the mean over the foreground too.
        json: Its name in JSON, of a class.
        total: Its name in JSON, over all classes.
        of_foreground: Whether it is the mean over the classes but background.
    """

    key: str
    title: str
    meaning: str
    by_class: Callable[[S], Numbers] | None = None
    over_all: Callable[[S], float] | None = None
    where: Where = EVERYWHERE
    name: str = ""
    short: str = ""
    label: str = ""
    unit: Unit = Unit.RATIO
    lower_is_better: bool = False
    leads_foreground: bool = False
    json: str = ""
    total: str = ""
    of_foreground: bool = False

    def __post_init__(self) -> None:
        """Fill in the names that are as usual."""
        of_pixels = ", px" if self.unit is Unit.PIXELS else ""
        usual = {
            "name": self.title,
            "short": self.title,
            "label": small(self.title) + of_pixels,
            "json": self.key,
            "total": f"mean_{self.json or self.key}",
        }
        for field, value in usual.items():
            object.__setattr__(self, field, getattr(self, field) or value)

    @property
    def is_mean(self) -> bool:
        """Whether it is a mean over classes, where it is not told of a single one."""
        return self.by_class is not None and self.over_all is None

    @property
    def tip(self) -> str:
        """What a pointer on the head of its column is told: its whole name, then its meaning."""
        more = " Lower is better." if self.lower_is_better else ""
        return f"{self.name}\n{self.meaning}{more}"

    def best(self, values: Numbers) -> float:
        """The best of (n,) values; NaN if none is known."""
        known = values[~np.isnan(values)]
        if not known.size:
            return float("nan")
        return float(known.min() if self.lower_is_better else known.max())

    def plain(self, value: float) -> str:
        """The number without its unit, for text; "-" where it is not defined."""
        return "-" if np.isnan(value) else f"{value:.{2 if self.unit is Unit.PIXELS else 4}f}"

    def foreground(self) -> Figure[S]:
        """The mean over the classes but background."""
        return replace(
            self,
            key=f"{self.key}_foreground",
            title=f"Foreground {small(self.title)}",
            short=f"Foreground {self.short}",
            name=f"{self.name} of the foreground",
            label=f"{self.label} of the foreground",
            total=f"{self.total}_foreground",
            of_foreground=True,
        )

    def told(self, where: Where, over_images: str) -> Figure[S]:
        """As a column of a table of classes, of models or of images."""
        meaning = self.meaning
        if self.is_mean and where is not Where.CLASSES:
            over = ("all classes, background included", "the classes but background")
            meaning = f"{meaning.rstrip('.')}; mean over {over[self.of_foreground]}."
        if where is Where.FOLDER:
            meaning = f"{meaning} {over_images}".rstrip()
        title = self.short if where is Where.FOLDER else self.title
        return replace(self, title=title, meaning=meaning)


@dataclass(frozen=True, eq=False)
class Measure(Generic[P, S]):
    """Something counted of images, and the figures that follow from it.

    Attributes:
        key: Its name where the parts of images are kept.
        figures: Its figures, the main one first.
        sums: What an image contributes; None: its values come with the answer, not from counts.
        count: Counts an image; None if there is nothing to count.
        scores: The scores of some classes from an image's part, or from the sum of many.
        needs: What there has to be besides two class maps.
        over_images: How a folder's figures come from its images', in a sentence.
        option: Its flag of the command line, without dashes; "" if there is none.
        help: What the flag does.
        name: Its name for people, where it is said whether it was counted.
        choice: The text of its check box; "" if the window counts it always.
        tip: What the check box means.
        section: Under which name JSON has its figures over all; "" if beside all others.
        details: Further values of that section.
        class_counts: Columns of the sums that JSON tells of each class.
        lines: What `summary` says; None: a line for each main figure.
    """

    key: str
    figures: tuple[Figure[S], ...] = ()
    sums: type[P] | None = None
    count: Callable[[MeasuredImage], P | None] | None = None
    scores: Callable[[P, Sequence[int]], S] | None = None
    needs: Needs = Needs.NOTHING
    over_images: str = "Counts of all images are summed."
    option: str = ""
    help: str = ""
    name: str = ""
    choice: str = ""
    tip: str = ""
    section: str = ""
    details: Callable[[P, S], dict[str, Any]] | None = None
    class_counts: tuple[str, ...] = ()
    lines: Callable[[Mapping[str, Any], bool], list[str]] | None = None

    @property
    def is_of_any_map(self) -> bool:
        """Whether it can be counted of any two class maps."""
        return self.count is not None and self.needs is Needs.NOTHING

    @property
    def main(self) -> list[Figure[S]]:
        """The figures to show where there is room for few."""
        return [
            f
            for f in self.figures
            if f is self.figures[0] or (f.is_mean and Where.IMAGES in f.where)
        ]

    def at(self, where: Where) -> tuple[Figure[S], ...]:
        """Its columns in a table of classes, of models or of images; the foreground's first."""
        used = [f for f in self.figures if where in f.where]
        ahead = [f.foreground() for f in used if f.leads_foreground and where is not Where.CLASSES]
        return tuple(f.told(where, self.over_images) for f in (*ahead, *used))

    def summary(self, report: Mapping[str, Any], leads: bool) -> list[str]:
        """Lines about the report of `segstudio evaluate`.

        Args:
            report: As it is in JSON.
            leads: Whether the foreground is less than all classes, and so what counts.
        """
        if self.lines is not None:
            return self.lines(report, leads)
        return [_line(figure, report, leads) for figure in self.main]

    def means(self, scores: S, is_foreground: npt.NDArray[np.bool_]) -> dict[str, float]:
        """Its figures over all classes by key, and over the (K,) bool foreground."""
        found: dict[str, float] = {}
        for figure in self.figures:
            if figure.over_all is not None:
                found[figure.key] = figure.over_all(scores)
            elif figure.by_class is not None and figure.where is not Where.CLASSES:
                values = figure.by_class(scores)
                found[figure.key] = mean_of(values)
                found[f"{figure.key}_foreground"] = mean_of(values[is_foreground])
        return found


def _line(figure: Figure[S], report: Mapping[str, Any], leads: bool) -> str:
    unit = " px" if figure.unit is Unit.PIXELS else ""
    line = f"{small(figure.name)} {figure.plain(report[figure.total])}{unit}"
    if not figure.is_mean:
        return line
    ahead = figure.plain(report[figure.foreground().total])
    return f"mean {line}" + f" (foreground {ahead}{unit})" * leads


AnyMeasure = Measure[Any, Any]
AnyFigure = Figure[Any]


@dataclass(frozen=True, eq=False)
class Values:
    """The figures of an image or a folder.

    Attributes:
        by_class: (K,) values by key, NaN for a class that has none.
        means: Values over all classes by key, and over the foreground.
    """

    by_class: Mapping[str, Numbers]
    means: Mapping[str, float]

    @classmethod
    def of(
        cls,
        measures: Iterable[AnyMeasure],
        parts: Mapping[str, Any],
        class_ids: Sequence[int],
        foreground_ids: Collection[int],
    ) -> Values:
        """From what was counted; figures of what was not are missing."""
        is_foreground = np.isin(np.array(class_ids, np.int64), list(foreground_ids))
        by_class: dict[str, Numbers] = {}
        means: dict[str, float] = {}
        for measure in measures:
            if measure.scores is None or measure.key not in parts:
                continue
            scores = measure.scores(parts[measure.key], class_ids)
            means |= measure.means(scores, is_foreground)
            for figure in measure.figures:
                if figure.by_class is not None and Where.CLASSES in figure.where:
                    by_class[figure.key] = figure.by_class(scores)
        return cls(by_class, means)


def small(text: str) -> str:
    """A name inside a sentence: "Mean IoU" as "mean IoU"; "IoU" and "PQ" stay."""
    first = text.split(" ")[0]
    return text if any(c.isupper() for c in first[1:]) else text[:1].lower() + text[1:]
