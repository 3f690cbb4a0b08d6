"""How alike two networks' stages are: the result, and one image's part of the work."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureMap, FeatureTrace, LayerInfo
from segstudio.core.input_geometry import InputGeometry
from segstudio.core.prediction import ModelSpec, RunOptions
from segstudio.core.text import safe_cells
from segstudio.inspection.alignment import comparable_stages
from segstudio.jobs import Job
from segstudio.runs.engine import Engine
from segstudio.session.document import Document
from segstudio.session.inspection import TracedNetwork
from segstudio.storage.decode import every_page, read_image
from segstudio.storage.image_ref import ImageRef

if TYPE_CHECKING:
    from segstudio.inspection.nets.set_similarity import SetSimilarity


@dataclass(frozen=True, eq=False)
class StageSimilarity:
    """How alike the stages of two networks are.

    Attributes:
        first: Id of the one model.
        second: Id of the other.
        first_stages: Ids of its stages, in order.
        second_stages: Likewise.
        values: (stages of the first, stages of the second) float64, linear CKA: 1 alike, about 0
            unrelated, NaN where a stage says the same everywhere.
        images: Over how many images.
        skipped: Names of images that could not be used, and why.
        document: The image, where it is the open one alone.
    """

    first: str
    second: str
    first_stages: tuple[str, ...]
    second_stages: tuple[str, ...]
    values: NDArray[np.float64] = field(repr=False)
    images: int
    skipped: tuple[str, ...] = ()
    document: Document | None = field(default=None, repr=False)

    def value(self, first: str, second: str) -> float:
        """The CKA of two stages; NaN if it is not known."""
        if first not in self.first_stages or second not in self.second_stages:
            return math.nan
        row, column = self.first_stages.index(first), self.second_stages.index(second)
        return float(self.values[row, column])

    def partner(self, first: str) -> str | None:
        """The other network's stage that is most like one of the first's; None if there is none."""
        if first not in self.first_stages:
            return None
        values = self.values[self.first_stages.index(first)]
        return None if np.isnan(values).all() else self.second_stages[int(np.nanargmax(values))]

    def csv(self) -> str:
        """The matrix as a table: a row for each stage of the first network."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(safe_cells([f"{self.first} \\ {self.second}", *self.second_stages]))
        for stage, row in zip(self.first_stages, self.values, strict=True):
            cells = ("" if np.isnan(v) else f"{v:.6f}" for v in row)
            writer.writerow(safe_cells([stage, *cells]))
        return out.getvalue()


@dataclass(eq=False)
class Comparison:
    """A comparison under way: image by image, so that other questions come in between.

    Attributes:
        specs: The two models.
        stages: Ids of their stages.
        options: How they run.
        images: What is compared, with its document where it is the open one.
        document: The image, where it is the open one alone.
        sums: What the images so far gave, None before the first.
        skipped: Images that could not be used, and why.
        done: Images tried.
    """

    specs: tuple[ModelSpec, ModelSpec]
    stages: tuple[tuple[str, ...], tuple[str, ...]]
    options: RunOptions
    images: list[tuple[ImageRef, Document | None]]
    document: Document | None
    sums: SetSimilarity | None = None
    skipped: list[str] = field(default_factory=list)
    done: int = 0

    @property
    def title(self) -> str:
        """For the status bar."""
        names = " and ".join(spec.title for spec in self.specs)
        of = f": image {self.done + 1} of {len(self.images)}" if len(self.images) > 1 else ""
        return f"Comparing {names}{of}"

    def add_traced(self, first: TracedNetwork, second: TracedNetwork, job: Job) -> None:
        """Add the open image, from the traces that are there."""
        found = [
            _features(traced.trace, traced.input_geometry, stages, job)
            for traced, stages in zip((first, second), self.stages, strict=True)
        ]
        self._add(*found)

    def add_next(self, engine: Engine, job: Job) -> None:
        """Add the next image; one that cannot be used is noted and passed over.

        The later pages of a stack come behind its first.
        """
        ref, opened = self.images[self.done]
        self.images[self.done + 1 : self.done + 1] = [(r, None) for r in every_page([ref])[1:]]
        try:
            image = read_image(ref.path, ref.page) if opened is None else opened
            found = []
            for spec, stages in zip(self.specs, self.stages, strict=True):
                given = image.given_to(spec)
                traced_model = engine.traced_model(spec, given, self.options, None, job.check)
                trace = traced_model.trace(check=job.check)
                found.append(_features(trace, traced_model.input_geometry, stages, job))
            self._add(*found)
        except SegstudioError as error:
            self.skipped.append(f"{ref.title}: {error}")

    def result(self) -> StageSimilarity | None:
        """What the images so far gave; None if none could be used."""
        if self.sums is None:
            return None
        return StageSimilarity(
            self.specs[0].id, self.specs[1].id, *self.stages,
            self.sums.matrix(), self.sums.images, tuple(self.skipped), self.document,
        )  # fmt: skip

    def _add(self, first: list[Rows], second: list[Rows]) -> None:
        from segstudio.inspection.nets.set_similarity import SetSimilarity

        if self.sums is None:
            self.sums = SetSimilarity(len(first), len(second))
        self.sums.add(first, second)


def stage_ids(trace: FeatureTrace) -> tuple[str, ...]:
    """Ids of the stages that can be compared."""
    return tuple(layer.id for layer in comparable_stages(trace))


def _features(
    trace: FeatureTrace, input_geometry: InputGeometry, stages: Sequence[str], job: Job
) -> list[Rows]:
    """The stages' features on the common grid."""
    found = []
    for stage in stages:
        job.check()
        found.append(on_common_grid(trace.activation(stage), input_geometry, trace.layer(stage)))
    return found


Rows = NDArray[np.float64]

GRID: Final = (16, 16)
"""Cells of the grid, vertical and horizontal, unless told otherwise."""
_BLOCK: Final = 64
"""Channels worked on at a time, which bounds the memory for the float32 copies."""


def on_common_grid(
    features: FeatureMap,
    input_geometry: InputGeometry,
    layer: LayerInfo,
    grid: tuple[int, int] = GRID,
) -> Rows:
    """Return a stage's features in the cells of a grid over the part of the photo it saw.

    A cell has the mean of the positions that it covers, each by the area they share; the input's
    padding is left out. So the same row means the same place whatever the networks' strides,
    enlargements and paddings are.

    Args:
        features: (C, h, w) of the stage.
        input_geometry: Of the network's input on the photo.
        layer: The stage.
        grid: Cells, vertical and horizontal.

    Returns:
        (cells, C), row by row from the top left.

    Raises:
        SegstudioError: if the stage has no place on the photo.
    """
    field = layer.receptive_field
    if field is None:
        raise SegstudioError(f"{layer.id} has no place on the photo.")
    shares = [
        _shares(
            features.shape[1 + axis],
            field.start[axis],
            field.jump[axis],
            input_geometry.resized_hw[axis],
            grid[axis],
        )
        for axis in range(2)
    ]
    found = np.empty((grid[0] * grid[1], len(features)), np.float64)
    for begin in range(0, len(features), _BLOCK):
        block = np.nan_to_num(features[begin : begin + _BLOCK].astype(np.float32))
        cells = (shares[0] @ block) @ shares[1].T
        found[:, begin : begin + len(block)] = cells.reshape(len(block), -1).T
    return found


def _shares(length: int, start: float, jump: float, extent: int, cells: int) -> NDArray[np.float32]:
    """The part (cells, length) of each cell's value that comes from each position of one axis.

    Position i covers `jump` input pixels around `start + jump * i`; the cells divide the `extent`
    input pixels that are no padding. A cell that no position covers takes the nearest one's value.
    """
    middles = start + jump * np.arange(length)
    edges = np.linspace(0, extent, cells + 1)
    low = np.maximum(edges[:-1, None], middles - jump / 2)
    high = np.minimum(edges[1:, None], middles + jump / 2)
    shares = np.maximum(high - low, 0)
    for cell in np.flatnonzero(shares.sum(axis=1) <= 0):
        shares[cell, np.abs(middles - edges[cell : cell + 2].mean()).argmin()] = 1
    normalised: NDArray[np.float32] = (shares / shares.sum(axis=1, keepdims=True)).astype(
        np.float32
    )
    return normalised
