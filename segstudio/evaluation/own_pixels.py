"""Which figures say little: the mask was started from the very model that is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from segstudio.core.formatting import counted
from segstudio.evaluation.conditions import References
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.runs.batch import model_of
from segstudio.session.session import ImageState

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
    """A sentence on each model of a table that is measured on pixels of its own."""
    notes = []
    for run in table.runs if started else ():
        scored = table.indices(run, scored=True)
        places = [place for place, models in started.items() if run in models]
        own = int(np.isin(places, scored).sum())
        if own:
            notes.append(own_pixels_text(table.title(run), own, len(scored)))
    return notes


def own_pixels_text(title: str, images: int, scored: int) -> str:
    """That the masks of some of the measured images came from the model itself."""
    return (
        f"“{title}” is partly measured on its own pixels, on {images:,} of "
        f"{counted(scored, 'image')}: its figures there say little."
    )
