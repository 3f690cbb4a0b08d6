"""Which figures say little: the mask was started from the very model that is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.labels import Mask
from segstudio.core.provenance import NOTHING_OWN, OwnPixels, own_pixels
from segstudio.evaluation.conditions import References
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.runs.batch import model_of
from segstudio.session.session import ImageState
from segstudio.storage.schema_file import read_entry
from segstudio.storage.writer_maps import map_of_mask, read_map

IMAGES_OF_OWN: Final = "images_started_from_model"
"""How files and commands call the number of images that a model is measured on pixels of its own."""

_HOW_TO_COUNT: Final = "--with-own-pixels counts them too."

Started = Mapping[int, frozenset[str]]
"""Ids of the models that images' annotations have pixels of, by position; none is left out."""


def started_in(states: Mapping[int, ImageState]) -> Started:
    """Those of the open folder."""
    return {i: frozenset(map(model_of, s.taken)) for i, s in states.items() if s.taken}


def started_on_disk(references: References, places: Iterable[int]) -> Started:
    """Those that are known of a folder's images; none where its originals are the reference."""
    images = references.files.project.images
    found = ((place, references.started_from(images[place])) for place in places)
    return {place: models for place, models in found if models}


def own_pixels_notes(started: Started, table: EvaluationTable) -> list[str]:
    """A sentence on each model of a table that is measured on pixels of its own, or without them."""
    found = [
        own_pixels_text(table.title(run), own, len(table.indices(run, scored=True)))
        for run, own in own_images(started, table).items()
        if own
    ]
    return found + [
        left_out_text(table.title(run), own)
        for run in table.runs
        if (own := table.left_out(run)).own
    ]


def left_out_text(title: str, own: OwnPixels) -> str:
    """That a model is not measured on what it wrote itself."""
    return f"“{title}” is measured without {own.share_text} of the pixels: it wrote them itself."


@dataclass
class OwnOfMasks:
    """Which pixels of ground truth the model wrote whose predicted masks are held against it.

    Attributes:
        model: Its id, as `segstudio predict` wrote it beside the masks; "" if nobody knows.
        left_out: How much of all masks that is.
        troubles: Why maps of who wrote a mask could not be used.
    """

    model: str
    left_out: OwnPixels = NOTHING_OWN
    troubles: list[str] = field(default_factory=list)

    @classmethod
    def beside(cls, predictions: Path) -> OwnOfMasks:
        """Those of the model that made a folder of predicted masks."""
        settings = read_entry(predictions, "predict")
        model = settings.get("model") if isinstance(settings, dict) else None
        return cls(model if isinstance(model, str) else "")

    def mask_of(self, truth: Path, shape_hw: tuple[int, int]) -> Mask | None:
        """Which pixels of a mask the model wrote, (H, W) bool; None if none."""
        path = map_of_mask(truth) if self.model else None
        self.left_out += OwnPixels(0, shape_hw[0] * shape_hw[1])
        if path is None:
            return None
        try:
            found = read_map(path, shape_hw)
        except SegstudioError as error:
            self.troubles.append(f"{error.message} All pixels of {truth} count.")
            return None
        own = own_pixels(found.writers, found.table.known(self.model))
        if own is not None:
            self.left_out += OwnPixels(int(np.count_nonzero(own)))
        return own

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of it."""
        if not self.left_out.own:
            return tuple(self.troubles)
        return (f"{left_out_text(self.model, self.left_out)} {_HOW_TO_COUNT}", *self.troubles)


def own_images(started: Started, table: EvaluationTable) -> dict[str, int]:
    """On how many images each model of a table is measured on pixels of its own."""
    return {
        run: int(
            np.isin(
                [
                    place
                    for place, models in started.items()
                    if run in models and not table.knows_own(place, run)
                ],
                table.indices(run, scored=True),
            ).sum()
        )
        for run in table.runs
    }


def own_pixels_text(title: str, images: int, scored: int) -> str:
    """That the masks of some of the measured images came from the model itself."""
    return (
        f"“{title}” is partly measured on its own pixels, on {images:,} of "
        f"{counted(scored, 'image')}: its figures there say little."
    )
