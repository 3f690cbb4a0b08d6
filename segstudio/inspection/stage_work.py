"""What is worked out of a traced network's activations: figures and pictures of its stages."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from segstudio.core.colour_maps import coloured, ends, levels_of
from segstudio.core.features import FeatureMap, LayerInfo
from segstudio.core.labels import Image, Labels
from segstudio.inspection.feature_pictures import (
    FloatArray,
    maximum_of_channels,
    mean_of_channels,
    on_grid,
    sampling_of,
    visible_part,
)
from segstudio.jobs import Job
from segstudio.session.inspection import (
    MapPicture,
    OverPhotoHeat,
    StageLook,
    TracedNetwork,
    ValueRange,
)

if TYPE_CHECKING:
    from segstudio.inspection.nets.statistics import ChannelStatistics

HISTOGRAM_BINS: Final = 64
_MANY_CHANNELS: Final = 512
_FEW_POSITIONS: Final = 1024


@dataclass(frozen=True, eq=False)
class StageFacts:
    """Figures of one stage on one image; positions over the input's padding don't count.

    Attributes:
        statistics: One value a channel; of a pooled stage no channel is dead.
        low: Smallest value of the stage.
        high: Largest.
        mean: Of all values.
        std: Of all values (of the population).
        sparsity: Share of values that are exactly zero, 0..1.
        histogram: How many values lie in each of `HISTOGRAM_BINS` equal steps from low to high.
    """

    statistics: ChannelStatistics
    low: float
    high: float
    mean: float
    std: float
    sparsity: float
    histogram: NDArray[np.int64]

    @property
    def variance(self) -> FloatArray:
        """Of each channel: (C,)."""
        return self.statistics.std**2

    @property
    def pooled(self) -> bool:
        """Whether every channel has one value only, as behind a pooling of the whole image."""
        return bool((self.statistics.minimum == self.statistics.maximum).all())

    @property
    def dead(self) -> int:
        """How many channels say the same everywhere."""
        return int(self.statistics.dead.sum())


class StageWork:
    """The work of the lane "features"; remembers the figures of a trace as long as it lives."""

    def __init__(self) -> None:
        self._facts: WeakKeyDictionary[TracedNetwork, dict[str, StageFacts]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def known_facts(self, traced: TracedNetwork, stage_id: str) -> StageFacts | None:
        """The figures of a stage, if they were worked out already. Safe from any thread."""
        with self._lock:
            return self._facts.get(traced, {}).get(stage_id)

    def facts(self, traced: TracedNetwork, layer: LayerInfo) -> StageFacts:
        """The figures of a stage."""
        known = self.known_facts(traced, layer.id)
        if known is None:
            known = stage_facts(visible(traced, layer))
            with self._lock:
                self._facts.setdefault(traced, {})[layer.id] = known
        return known

    def histogram(self, traced: TracedNetwork, layer: LayerInfo, channel: int) -> NDArray[np.int64]:
        """How many of a channel's values lie in equal steps from its lowest to its highest."""
        found = self.facts(traced, layer).statistics
        low, high = float(found.minimum[channel]), float(found.maximum[channel])
        return histogram(visible(traced, layer)[channel : channel + 1], low, high)

    def channels(
        self, traced: TracedNetwork, layer: LayerInfo, channels: tuple[int, ...], look: StageLook, px: int,
        job: Job,
    ) -> dict[int, Image]:  # fmt: skip
        """Pictures of channels, RGB (h, w, 3) uint8, cropped to the photo."""
        low, high = self.ends(traced, layer, channels, look)
        job.check()
        features = traced.trace.activation(layer.id)
        job.check()
        values = sampling_of(traced.input_geometry, layer, px).take(features[list(channels)])
        job.check()
        pictures = coloured(values, low[:, None, None], high[:, None, None], look.colours.value)
        return {c: np.ascontiguousarray(p) for c, p in zip(channels, pictures, strict=True)}

    def summary(
        self,
        traced: TracedNetwork,
        layer: LayerInfo,
        picture: MapPicture,
        look: StageLook,
        px: int,
    ) -> Image:
        """The picture of all channels together, RGB (h, w, 3) uint8, cropped to the photo."""
        features = traced.trace.activation(layer.id)
        if picture is MapPicture.COMPONENTS:
            return components(traced, layer, features, px)
        together = mean_of_channels if picture is MapPicture.MEAN else maximum_of_channels
        values = sampling_of(traced.input_geometry, layer, px).take(together(features)[None])[0]
        low, high = float(values.min()), float(values.max())
        if look.value_range is ValueRange.FIXED:
            low, high = look.fixed
        elif look.value_range is ValueRange.STAGE:
            facts = self.facts(traced, layer)
            low, high = facts.low, facts.high
        return coloured(values, *ends(low, high, look.colours.value), look.colours.value)

    def heat(
        self, traced: TracedNetwork, layer: LayerInfo, channel: int, look: StageLook, job: Job
    ) -> OverPhotoHeat:
        """A channel over the photo, smooth between the positions."""
        lows, highs = self.ends(traced, layer, (channel,), look)
        low, high = float(lows[0]), float(highs[0])
        job.check()
        values = np.nan_to_num(traced.trace.activation(layer.id)[channel].astype(np.float32))
        levels = levels_of(traced.input_geometry.on_photo(values, layer), low, high)
        job.check()
        nothing = int(levels_of(np.zeros(1, np.float32), low, high)[0])
        caption = f"{layer.id}, channel {channel}"
        return OverPhotoHeat(
            traced.input_geometry.paste(levels, nothing), look.colours, caption, low, high
        )

    def ends(
        self, traced: TracedNetwork, layer: LayerInfo, channels: tuple[int, ...], look: StageLook
    ) -> tuple[FloatArray, FloatArray]:
        """Values of the ends of the colours of each channel: two arrays (n,)."""
        name = look.colours.value
        if look.value_range is ValueRange.FIXED:
            pairs = [ends(*look.fixed, name)] * len(channels)
        else:
            facts = self.facts(traced, layer)
            # a single value would be the darkest and the brightest of its channel at once
            if look.value_range is ValueRange.STAGE or facts.pooled:
                pairs = [ends(facts.low, facts.high, name)] * len(channels)
            else:
                lows, highs = facts.statistics.minimum, facts.statistics.maximum
                pairs = [ends(float(lows[c]), float(highs[c]), name) for c in channels]
        array = np.array(pairs, np.float32)
        return array[:, 0], array[:, 1]


def stage_facts(features: FeatureMap) -> StageFacts:
    """The figures of a stage's activations (C, h, w)."""
    from segstudio.inspection.nets.statistics import channel_statistics

    found = channel_statistics(np.nan_to_num(features))
    if (found.minimum == found.maximum).all():
        found = replace(found, dead=np.zeros(len(features), np.bool_))
    low, high = float(found.minimum.min()), float(found.maximum.max())
    means, stds = found.mean.astype(np.float64), found.std.astype(np.float64)
    mean = float(means.mean())
    variance = float((stds**2 + means**2).mean()) - mean**2
    return StageFacts(
        found,
        low,
        high,
        mean,
        max(variance, 0.0) ** 0.5,
        float(found.sparsity.mean(dtype=np.float64)),
        histogram(features, low, high),
    )


def histogram(features: FeatureMap, low: float, high: float) -> NDArray[np.int64]:
    """Counts (`HISTOGRAM_BINS`,) of values (n, h, w) in equal steps from low to high."""
    counts = np.zeros(HISTOGRAM_BINS, np.int64)
    span = max(high - low, 1e-30)
    for one in features:
        places = (np.nan_to_num(one.astype(np.float32)) - low) * (HISTOGRAM_BINS / span)
        steps = np.clip(places, 0, HISTOGRAM_BINS - 1).astype(np.intp)
        counts += np.bincount(steps.ravel(), minlength=HISTOGRAM_BINS)
    return counts


def agreement_with(
    traced: TracedNetwork, layer: LayerInfo, labels: Labels, class_id: int, job: Job
) -> FloatArray:
    """Each channel's IoU (C,) with the pixels of a class in a class map (h, w) of the window.

    NaN for a stage without a place on the photo.
    """
    from segstudio.inspection.nets.statistics import agreement

    if layer.receptive_field is None:
        return np.full(layer.shape[0], np.nan, np.float32)
    features = visible(traced, layer)
    job.check()
    return agreement(features, on_grid(labels == class_id, traced.input_geometry, layer))


def visible(traced: TracedNetwork, layer: LayerInfo) -> FeatureMap:
    """A stage's activations (C, h, w) without positions over the input's padding."""
    rows, cols = visible_part(traced.input_geometry, layer)
    return traced.trace.activation(layer.id)[:, rows, cols]


def components(traced: TracedNetwork, layer: LayerInfo, features: FeatureMap, px: int) -> Image:
    """The first three principal components as red, green and blue."""
    from segstudio.inspection.nets.projection import pca_rgb

    sampling = sampling_of(traced.input_geometry, layer, px)
    # components of many channels cost the cube of the number of positions
    limit = min(px, int(_FEW_POSITIONS**0.5)) if len(features) > _MANY_CHANNELS else px
    if max(features.shape[1:]) <= limit:
        coarse = pca_rgb(features)
        rows, cols = sampling.rows[:: sampling.steps[0]], sampling.cols[:: sampling.steps[1]]
    else:
        small = sampling_of(traced.input_geometry, layer, limit).take(features)
        coarse = pca_rgb(small.astype(np.float16))
        height, width = sampling.shape_hw
        rows = np.arange(height) * coarse.shape[0] // height
        cols = np.arange(width) * coarse.shape[1] // width
    return np.ascontiguousarray(coarse[rows][:, cols])
