"""Pictures and figures of one skip: what comes from the encoder, what from below, what becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.colour_maps import coloured, ends
from segstudio.core.errors import told
from segstudio.core.features import FeatureMap, LayerInfo, SkipEdge
from segstudio.core.labels import Image
from segstudio.inspection.feature_pictures import (
    FloatArray,
    maximum_of_channels,
    mean_of_channels,
    sampling_of,
)
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.stage_work import components
from segstudio.jobs import Job, JobRunner
from segstudio.session.inspection import MapPicture, StageLook, TracedNetwork, ValueRange
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.inspection.nets.skip_merges import SkipMerge
    from segstudio.inspection.nets.traced_model import TracedModel

_KEPT_BYTES = 512 * 1024 * 1024
"""Of the last join, so that other colours need no other pass; a larger one is not kept."""


def _no_picture() -> Image:
    return np.zeros((1, 1, 3), np.uint8)


def _no_values() -> FloatArray:
    return np.zeros((0, 0), np.float32)


class PartKind(StrEnum):
    """Where a part of a join comes from, or when it is seen."""

    SKIP = "skip"
    BELOW = "from below"
    OTHER = "other skip"
    JOINED = "joined"
    AFTER = "after"


@dataclass(frozen=True, eq=False)
class JoinPart:
    """One picture of a join.

    Attributes:
        kind: What it is.
        name: The stage it comes from, or in which it is.
        shape: Channels, height, width.
        share: Of the response's energy, 0..1; None for the results.
        crop_text: Where only the middle of a larger map is joined, what is cropped.
        rms: Root mean square of its values.
        low: Value of the lowest colour.
        high: Value of the highest.
        picture: RGB (h, w, 3) uint8, cropped to the photo.
        values: What the picture is made of, while it is being made.
    """

    kind: PartKind
    name: str
    shape: tuple[int, int, int]
    share: float | None = None
    crop_text: str = ""
    rms: float = 0.0
    low: float = 0.0
    high: float = 0.0
    picture: Image = field(default_factory=_no_picture, repr=False)
    values: FloatArray = field(default_factory=_no_values, repr=False)


@dataclass(frozen=True, eq=False)
class JoinView:
    """A skip with its pictures.

    Attributes:
        edge: The skip.
        parts: What is joined, this skip first, then the path from below; then the results.
        response: Name of the convolution whose response the shares are of; "" where none reads
            the join directly: then they are of the energy of the parts themselves.
        interference: Energy of the whole response less that of its parts, relative to the parts;
            negative where they cancel.
    """

    edge: SkipEdge
    parts: tuple[JoinPart, ...]
    response: str
    interference: float

    @property
    def sources(self) -> tuple[JoinPart, ...]:
        """The parts that are joined."""
        return tuple(part for part in self.parts if part.share is not None)


@dataclass(frozen=True)
class _Wanted:
    """How the pictures shall look."""

    picture: MapPicture
    channel: int
    look: StageLook
    px: int


class SkipMergeViews:
    """Looks at one skip at a time; the latest question wins."""

    def __init__(self, session: Session, jobs: JobRunner, inspecting: Inspecting) -> None:
        self._session, self._jobs, self._inspecting = session, jobs, inspecting
        self._kept: tuple[TracedNetwork, str, SkipMerge] | None = None

    def look(
        self,
        skip: str,
        px: int,
        done: Callable[[JoinView], None],
        failed: Callable[[str], None],
    ) -> bool:
        """Show a skip of the trace as the session's choices of picture and colours say.

        Args:
            skip: Id of the edge.
            px: Pixels of the longer side of a picture.
            done: Gets the pictures.
            failed: Told why there are none.

        Returns:
            Whether an answer will come: False if nothing is traced or there is no such skip.
        """
        inspection = self._session.inspection
        traced = inspection.traced
        edge = None if traced is None else _edge(traced, skip)
        if traced is None or edge is None:
            self.forget()
            return False
        wanted = _Wanted(inspection.picture, inspection.picture_channel, inspection.look, px)
        kept = self._kept
        if kept is not None and kept[0] is traced and kept[1] == edge.id:
            join = kept[2]
            self._jobs.cancel_key("skip join")
            self._jobs.submit(
                f"Pictures of {edge.id}", "features",
                lambda job: join_view(traced, edge, join, wanted, job.check),
                done, failed=lambda error: failed(told(error)), key="skip pictures", visible=False,
            )  # fmt: skip
            return True

        def work(
            traced_model: TracedModel, asked: TracedNetwork, job: Job
        ) -> tuple[SkipMerge, JoinView]:
            join = traced_model.skip_merge(edge, job.check)
            return join, join_view(asked, edge, join, wanted, job.check)

        def arrived(found: tuple[SkipMerge, JoinView]) -> None:
            if _nbytes(found[0]) <= _KEPT_BYTES:
                self._kept = (traced, edge.id, found[0])
            done(found[1])

        self.forget()
        return self._inspecting.submit(
            f"Looking at {edge.id}", work, arrived, key="skip join",
            failed=lambda error: failed(told(error)), visible=False,
        ) is not None  # fmt: skip

    def forget(self) -> None:
        """Give the memory of the last join back, and drop what is under way."""
        self._kept = None
        for key in ("skip join", "skip pictures"):
            self._jobs.cancel_key(key)


def join_view(
    traced: TracedNetwork,
    edge: SkipEdge,
    join: SkipMerge,
    wanted: _Wanted,
    check: Callable[[], None],
) -> JoinView:
    """The pictures and figures of a join."""
    seen = list(_seen(traced, edge, join))
    target = traced.trace.layer(edge.target)
    parts = []
    for part, features in seen:
        check()
        layer = _layer_like(traced, target, edge, features)
        rms = _rms(features)
        if wanted.picture is MapPicture.COMPONENTS:
            picture = components(traced, layer, features, wanted.px)
            parts.append(replace(part, rms=rms, picture=picture))
            continue
        values = _values(traced, layer, features, wanted)
        low, high = float(values.min()), float(values.max())
        parts.append(replace(part, rms=rms, low=low, high=high, values=values))
    if wanted.picture is not MapPicture.COMPONENTS:
        parts = _coloured(parts, wanted.look)
    return JoinView(edge, tuple(parts), join.response, join.interference)


def _seen(
    traced: TracedNetwork, edge: SkipEdge, join: SkipMerge
) -> Iterator[tuple[JoinPart, FeatureMap]]:
    """What is joined, this skip first and the path from below second; then the results."""
    order = [edge.index, edge.deep]
    order += [i for i in range(len(edge.merged)) if i not in order]
    for i in order:
        features = join.sources[i]
        part = JoinPart(_kind(edge, i), _name(traced, edge, i), _shape(features), join.shares[i])
        yield replace(part, crop_text=edge.crop_text) if i == edge.index else part, features
    yield JoinPart(PartKind.JOINED, edge.target, _shape(join.joined)), join.joined
    after = traced.trace.activation(edge.target)
    yield JoinPart(PartKind.AFTER, edge.target, _shape(after)), after


def _coloured(parts: list[JoinPart], look: StageLook) -> list[JoinPart]:
    """The pictures of values: each in its own range, or those of what is joined in one."""
    joined = [part for part in parts if part.kind is not PartKind.AFTER]
    common = min(part.low for part in joined), max(part.high for part in joined)
    name = look.colours.value
    result = []
    for part in parts:
        low, high = part.low, part.high
        if look.value_range is ValueRange.FIXED:
            low, high = look.fixed
        elif look.value_range is ValueRange.STAGE and part.kind is not PartKind.AFTER:
            low, high = common
        low, high = ends(low, high, name)
        picture = coloured(part.values, low, high, name)
        result.append(replace(part, low=low, high=high, picture=picture, values=_no_values()))
    return result


def _shape(features: FeatureMap) -> tuple[int, int, int]:
    channels, height, width = features.shape
    return channels, height, width


def _rms(features: FeatureMap) -> float:
    """Root mean square; channel by channel, which bounds the memory."""
    total = sum(float(np.square(one.astype(np.float32)).sum(dtype=np.float64)) for one in features)
    return float((total / features.size) ** 0.5)


def _values(
    traced: TracedNetwork, layer: LayerInfo, features: FeatureMap, wanted: _Wanted
) -> FloatArray:
    """One number a pixel of the picture: mean, maximum or one channel."""
    if wanted.picture is MapPicture.CHANNEL:
        one = features[min(wanted.channel, len(features) - 1)][None]
    elif wanted.picture is MapPicture.MAXIMUM:
        one = maximum_of_channels(features)[None]
    else:
        one = mean_of_channels(features)[None]
    found: FloatArray = sampling_of(traced.input_geometry, layer, wanted.px).take(one)[0]
    return found


def _kind(edge: SkipEdge, index: int) -> PartKind:
    if index == edge.index:
        return PartKind.SKIP
    return PartKind.BELOW if index == edge.deep else PartKind.OTHER


def _name(traced: TracedNetwork, edge: SkipEdge, index: int) -> str:
    """The stage that one argument of a join comes from; "" where that is not known."""
    trace = traced.trace
    same = [other for other in trace.skips if other.merged == edge.merged]
    for other in same:
        if other.index == index:
            return other.source
    skips = {other.source for other in same}
    deep = [name for name in trace.layer(edge.target).inputs if name not in skips]
    return deep[0] if index == edge.deep and len(deep) == 1 else ""


def _layer_like(
    traced: TracedNetwork, target: LayerInfo, edge: SkipEdge, features: FeatureMap
) -> LayerInfo:
    """A stage whose positions lie where those of a map do: any of the same size will do."""
    height, width = features.shape[1:]
    if edge.cropped_from is not None and edge.shape[1:] == (height, width):
        return replace(target, shape=(len(features), height, width), receptive_field=edge.place)
    for layer in (target, *traced.trace.layers):
        if layer.shape[1:] == (height, width) and layer.receptive_field is not None:
            return layer
    return replace(target, shape=(len(features), height, width), receptive_field=None)


def _edge(traced: TracedNetwork, skip: str) -> SkipEdge | None:
    return next((edge for edge in traced.trace.skips if edge.id == skip), None)


def _nbytes(join: SkipMerge) -> int:
    return join.joined.nbytes + sum(source.nbytes for source in join.sources)
