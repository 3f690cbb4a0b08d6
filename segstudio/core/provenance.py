"""Who wrote the pixels of an annotation: a person, an import, or which model.

A map of its own beside the classes, (H, W) uint8, says it: 0 for unlabelled and unknown, 1 for a
person, 2 for what another program wrote, from 3 on models, by their place in a list.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from segstudio.core.labels import LabelMap, Labels, Mask, Patch, Writers
from segstudio.core.schema import LabelSchema
from segstudio.core.series_colors import NEUTRAL, PINK, SERIES, rgb_of

UNKNOWN: Final = 0
PERSON: Final = 1
IMPORT: Final = 2
FIRST_MODEL: Final = 3
_MOST: Final = 252
"""So many models are told apart; all after them are one."""
NAMES: Final[Mapping[int, str]] = {
    UNKNOWN: "unlabelled or unknown", PERSON: "a person", IMPORT: "an import"
}  # fmt: skip
_LEAST, _WHOLE = 0.1, 10
"""Per cent: shares below are not told in figures, those from here on without a fraction."""
_KINDS: Final = ("unknown", "person", "import")
_OF_MODELS: Final = tuple(color for color in SERIES if color != PINK)
"""Pink is a person's."""


@dataclass(frozen=True)
class ModelWriter:
    """A model that wrote pixels.

    Attributes:
        id: Its id, by which it is known again.
        name: What it is called.
    """

    id: str
    name: str


OTHERS: Final = ModelWriter("", "other models")
_NOBODY: Final = ModelWriter("", "")


class WriterTable:
    """Which number is which model; a model keeps the number that it got first. For any thread."""

    def __init__(self, models: Iterable[ModelWriter] = ()) -> None:
        """Args:
        models: Those that have the numbers from 3 on.
        """
        self._lock = threading.Lock()
        self._models = list(models)

    @property
    def models(self) -> tuple[ModelWriter, ...]:
        """The models, that of number 3 first."""
        with self._lock:
            return tuple(self._models)

    def known(self, model: str) -> int | None:
        """The number of a model's id; None if it wrote nothing."""
        return next((i for i, m in enumerate(self.models, FIRST_MODEL) if m.id == model), None)

    def of_run(self, run: str) -> int | None:
        """The number of the model of a run, by its key; None if it wrote nothing."""
        return self.known(run.partition("@")[0])

    def number_of(self, model: ModelWriter) -> int:
        """The number of a model, which it gets if it has none."""
        with self._lock:
            for number, known in enumerate(self._models, FIRST_MODEL):
                if known.id == model.id:
                    return number
            if len(self._models) < _MOST:
                self._models.append(model)
            elif len(self._models) == _MOST:
                self._models.append(OTHERS)
            return FIRST_MODEL + len(self._models) - 1

    def name_of(self, number: int) -> str:
        """What a number is, in words."""
        if number in NAMES:
            return NAMES[number]
        models, at = self.models, number - FIRST_MODEL
        return models[at].name if at < len(models) else NAMES[UNKNOWN]

    def numbers_in(self, other: WriterTable) -> Labels:
        """(256,) uint8: by number of another table the same writer's number in this one.

        Models that this one does not know are added; numbers that are nobody's become unknown.
        """
        table = np.zeros(256, np.uint8)
        table[: len(_KINDS)] = range(len(_KINDS))
        for number, model in enumerate(other.models, FIRST_MODEL):
            if model is not _NOBODY:
                table[number] = self.number_of(model)
        return table

    def only(self, numbers: Iterable[int]) -> WriterTable:
        """This table without the names of models that are not among some numbers.

        They keep their places, so that all numbers stay what they are.
        """
        wanted = set(numbers)
        return WriterTable(
            model if number in wanted else _NOBODY
            for number, model in enumerate(self.models, FIRST_MODEL)
        )

    def to_json(self) -> dict[str, Any]:
        """For the file beside the maps."""
        kinds = [{"number": number, "kind": kind} for number, kind in enumerate(_KINDS)]
        models = [
            {"number": number, "kind": "model", "id": model.id, "name": model.name}
            for number, model in enumerate(self.models, FIRST_MODEL)
        ]
        return {"writers": kinds + models}

    @classmethod
    def from_json(cls, data: Any) -> WriterTable:
        """The inverse of `to_json`.

        Raises:
            ValueError: if it has another form, or a number is missing or used twice.
        """
        try:
            rows = [row for row in data["writers"] if row["kind"] == "model"]
            rows.sort(key=lambda row: int(row["number"]))
            numbers = [int(row["number"]) for row in rows]
            found = [ModelWriter(str(row["id"]), str(row["name"])) for row in rows]
        except (KeyError, TypeError) as error:
            raise ValueError("it is no list of writers") from error
        if numbers != list(range(FIRST_MODEL, FIRST_MODEL + len(rows))) or len(rows) > _MOST + 1:
            raise ValueError("the numbers of its models are not 3, 4, 5, ...")
        return cls(found)


def writer_colors() -> npt.NDArray[np.uint8]:
    """(256, 3) uint8: in which colour the pixels of each writer are shown; black for unknown."""
    table = np.zeros((256, 3), np.uint8)
    table[PERSON], table[IMPORT] = rgb_of(PINK), rgb_of(NEUTRAL)
    for number in range(FIRST_MODEL, 256):
        table[number] = rgb_of(_OF_MODELS[(number - FIRST_MODEL) % len(_OF_MODELS)])
    return table


def first_writers(labels: Labels, truth: Labels | None, background: int | None) -> Writers:
    """Who wrote a map of which nothing was kept: an import, where it is as its ground truth says.

    Args:
        labels: (H, W) uint8 class ids.
        truth: Those of the ground truth as another program wrote it; None if there is none.
        background: The class that stands for nothing labelled, or None.
    """
    if truth is None or truth.shape != labels.shape:
        return np.zeros(labels.shape, np.uint8)
    imported = labels == truth
    if background is not None:
        imported &= labels != background
    return np.where(imported, np.uint8(IMPORT), np.uint8(UNKNOWN))


def written(annotation: LabelMap, patches: Sequence[Patch], writer: int) -> tuple[Patch, ...]:
    """Patches that say who writes what they change; as they are where that is not kept.

    Args:
        annotation: The map that they will be applied to, one after the other.
        patches: Changes.
        writer: Their writer's number.
    """
    present = annotation.writers
    if present is None:
        return tuple(patches)
    found: list[Patch] = []
    for patch in patches:
        before = present[patch.rect.slices].copy()
        for earlier in found:
            common = earlier.rect.intersect(patch.rect)
            if not common.is_empty and earlier.writers_after is not None:
                part = earlier.writers_after[common.within(earlier.rect)]
                before[common.within(patch.rect)] = part
        after = np.where(patch.changed, np.uint8(writer), before)
        found.append(replace(patch, writers_before=before, writers_after=after))
    return tuple(found)


@dataclass(frozen=True)
class OwnPixels:
    """How much of an image, or of several, is left out when a model is scored.

    Attributes:
        own: Pixels that the model wrote.
        size: Pixels that there are.
    """

    own: int = 0
    size: int = 0

    def __add__(self, other: OwnPixels) -> OwnPixels:
        return OwnPixels(self.own + other.own, self.size + other.size)

    def __sub__(self, other: OwnPixels) -> OwnPixels:
        return OwnPixels(self.own - other.own, self.size - other.size)

    @property
    def text(self) -> str:
        """What is said beside the score; "" if nothing is left out."""
        if not self.own:
            return ""
        return f"without {self.share_text} taken from this model"

    @property
    def share_text(self) -> str:
        """How much that is of all pixels."""
        percent = 100 * self.own / self.size
        if percent < _LEAST:
            return f"less than {_LEAST} %"
        return f"{percent:.0f} %" if percent >= _WHOLE else f"{percent:.1f} %"


NOTHING_OWN: Final = OwnPixels()


@dataclass(frozen=True, eq=False)
class ScoredAgainst:
    """What a model is held against: the reference, where its own pixels count nowhere.

    Attributes:
        labels: (H, W) uint8 the reference; the ignore index where the model wrote it.
        schema: The classes, with an ignore index.
        own: How many pixels it wrote; -1 where nobody knows.
    """

    labels: Labels
    schema: LabelSchema
    own: int = -1

    @classmethod
    def of(
        cls, labels: Labels, writers: Writers | None, number: int | None, schema: LabelSchema
    ) -> ScoredAgainst:
        """The reference of one model.

        Args:
            labels: (H, W) uint8 class ids.
            writers: (H, W) uint8, or None where that is not kept.
            number: The model's; None if it wrote nothing.
            schema: The classes.
        """
        if writers is None:
            return cls(labels, schema)
        own = own_pixels(writers, number)
        told = ignoring(schema)
        if own is None or told.ignore_index is None:
            return cls(labels, schema, 0 if own is None else -1)
        seen = np.where(own, np.uint8(told.ignore_index), labels)
        return cls(seen, told, int(np.count_nonzero(own)))


def ignoring(schema: LabelSchema) -> LabelSchema:
    """A schema with an ignore index; without one where all ids are classes."""
    if schema.ignore_index is not None:
        return schema
    free = set(range(256)).difference(schema.ids)
    return replace(schema, ignore_index=max(free)) if free else schema


def seen_change(patch: Patch, number: int | None, schema: LabelSchema) -> tuple[Patch, int]:
    """A patch as it changes what a model is scored against, and how many pixels become its own.

    Args:
        patch: The change of the annotation.
        number: The model's; None if it wrote nothing.
        schema: The classes, with an ignore index (`ignoring`).
    """
    before, after = patch.writers_before, patch.writers_after
    if number is None or before is None or after is None or schema.ignore_index is None:
        return patch, 0
    was, now, ignored = before == number, after == number, np.uint8(schema.ignore_index)
    seen = Patch(
        patch.rect, np.where(was, ignored, patch.before), np.where(now, ignored, patch.after)
    )
    return seen, int(np.count_nonzero(now)) - int(np.count_nonzero(was))


def own_pixels(writers: Writers | None, number: int | None) -> Mask | None:
    """Which pixels a model wrote; None if none, or if nobody knows.

    Args:
        writers: (H, W) uint8, or None where that is not kept.
        number: The model's; None if it wrote nothing.
    """
    if writers is None or number is None:
        return None
    found: Mask = writers == number
    return found if found.any() else None
