"""Measuring the checkerboard of a network's decoder on one image."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureMap, FeatureTrace, LayerInfo, Role
from segstudio.core.input_geometry import InputGeometry
from segstudio.core.labels import Image
from segstudio.core.prediction import ModelSpec, RunOptions
from segstudio.inspection.feature_pictures import mean_of_channels, visible_part
from segstudio.inspection.spectra import power_spectrum
from segstudio.jobs import Job
from segstudio.runs.engine import Engine

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel

LEAST_SIDE: Final = 8
"""Maps with a shorter side have too few frequencies to measure."""
LARGEST_PICTURE: Final = 640
"""Of larger maps the middle part of this side is kept for looking at; all of it is measured."""
_DECODER: Final = (Role.DECODER, Role.PYRAMID)


class MeasuredStages(StrEnum):
    """Where the checkerboard is looked for."""

    OUTPUT = "output"
    """In the result of each decoder stage."""
    UPSAMPLED = "upsampled"
    """In what comes from below where a skip connection joins: right after the upsampling."""


@dataclass(frozen=True, eq=False)
class StageSpectrum:
    """A stage's checkerboard.

    Attributes:
        stage: Its id.
        stride: Image pixels per position.
        excess: Energy at the Nyquist frequency over that of the frequencies just below it: 1
            without a checkerboard.
        share: Of the energy about the mean that lies at the Nyquist frequency, 0..1.
        channel: The channel in which that share is largest.
        channel_share: Its share.
        mean: (h, w) float16, mean of the channels, without the input's padding; the middle of
            large maps.
        strongest: (h, w) float16, that channel, likewise.
        spectrum: (h, w) float32 in decibels, see `inspection.spectra.power_spectrum`.
    """

    stage: str
    stride: int
    excess: float
    share: float
    channel: int
    channel_share: float
    mean: NDArray[np.float16] = field(repr=False)
    strongest: NDArray[np.float16] = field(repr=False)
    spectrum: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, eq=False)
class ModelSpectra:
    """One network's decoder stages.

    Attributes:
        model: Its id.
        title: Its name for people.
        stages: From the coarsest to the finest, by the measured place.
        problem: Why there are none, "" if there are.
    """

    model: str
    title: str
    stages: tuple[StageSpectrum, ...]
    problem: str = ""

    def at(self, stride: int) -> StageSpectrum | None:
        """The last stage of a stride, or None."""
        return next((s for s in reversed(self.stages) if s.stride == stride), None)


def measure(
    engine: Engine,
    spec: ModelSpec,
    pixels: Image,
    options: RunOptions,
    measured: MeasuredStages,
    job: Job,
) -> ModelSpectra:
    """Measure a model's decoder stages on an image (H, W, 3) uint8 RGB.

    What keeps the model from being measured is told in the result.
    """
    try:
        traced_model = engine.traced_model(spec, pixels, options, None, job.check)
        trace = traced_model.trace(check=job.check)
        stages = _stages(trace, traced_model, measured, job)
    except SegstudioError as error:
        return ModelSpectra(spec.id, spec.title, (), str(error))
    problem = "" if stages else _nothing_to_measure(measured)
    return ModelSpectra(spec.id, spec.title, tuple(stages), problem)


def without_weights(spec: ModelSpec) -> ModelSpectra:
    """What is said of a model that cannot run."""
    return ModelSpectra(spec.id, spec.title, (), "its weights are not on disk")


def _stages(
    trace: FeatureTrace, traced_model: TracedModel, measured: MeasuredStages, job: Job
) -> list[StageSpectrum]:
    found = []
    for layer in trace.of_role(*_DECODER) or trace.of_role(Role.HEAD):
        job.check()
        if layer.receptive_field is None:
            continue
        features = _features(trace, layer, traced_model, measured, job)
        if features is not None:
            spectrum = _spectrum(layer, features, traced_model.input_geometry)
            found += [spectrum] if spectrum is not None else []
    return found


def _features(
    trace: FeatureTrace,
    layer: LayerInfo,
    traced_model: TracedModel,
    measured: MeasuredStages,
    job: Job,
) -> FeatureMap | None:
    if measured is MeasuredStages.OUTPUT:
        return trace.activation(layer.id)
    edge = next((edge for edge in trace.skips if edge.target == layer.id), None)
    if edge is None:
        return None
    return traced_model.skip_merge(edge, job.check).sources[edge.deep]


def _spectrum(
    layer: LayerInfo, features: FeatureMap, input_geometry: InputGeometry
) -> StageSpectrum | None:
    """The measure of a stage's map without padding; None for a map that is too small."""
    from segstudio.inspection.nets.spectrum import checkerboard

    rows, cols = visible_part(input_geometry, layer)
    if features.shape[1:] == layer.shape[1:]:
        features = features[:, rows, cols]
    if min(features.shape[1:]) < LEAST_SIDE:
        return None
    measure = checkerboard(features)
    channel = int(measure.share.argmax())
    return StageSpectrum(
        layer.id, layer.stride, measure.excess, measure.mean_share,
        channel, float(measure.share[channel]),
        _middle(mean_of_channels(features).astype(np.float16)), _middle(features[channel]),
        power_spectrum(features),
    )  # fmt: skip


def _middle(values: NDArray[np.float16]) -> NDArray[np.float16]:
    """A copy of the middle part: a view would keep the whole stage in memory."""
    height, width = (min(size, LARGEST_PICTURE) for size in values.shape)
    top, left = (values.shape[0] - height) // 2, (values.shape[1] - width) // 2
    return values[top : top + height, left : left + width].copy()


def _nothing_to_measure(measured: MeasuredStages) -> str:
    if measured is MeasuredStages.UPSAMPLED:
        return "no skip connection joins its decoder"
    return "its decoder has no stage of 8 x 8 or more"
