"""What the network inspector finds, as values without torch: stages, skip edges, activations."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import SegstudioError
from segstudio.core.operators import Operator, branch_texts

FeatureMap = NDArray[np.float16]
"""Activations (C, h, w) of one stage for one image."""

DEFAULT_BUDGET: Final = 512 * 1024 * 1024
"""Bytes of activations that a trace keeps unless told otherwise."""


class Role(StrEnum):
    """What a stage does in a segmentation network."""

    INPUT = "input"
    ENCODER = "encoder"
    BOTTLENECK = "bottleneck"
    CONTEXT = "context"
    PYRAMID = "pyramid"
    DECODER = "decoder"
    HEAD = "head"
    PROPOSALS = "proposals"
    MASK_HEAD = "mask head"


class EdgeKind(StrEnum):
    """How a skip edge joins the path from below."""

    CONCATENATION = "concatenation"
    ADDITION = "addition"
    LATERAL = "lateral"
    PYRAMID = "pyramid"


@dataclass(frozen=True, slots=True)
class Site:
    """One operation of a forward pass: the n-th call of ``op`` inside ``module``.

    It names the same operation in every forward pass of the same network, whatever the input's
    size, as long as the network's control flow stays the same.
    """

    module: str
    op: str
    call: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """The part of the image that an output position can depend on, by the operations' geometry.

    Sizes and places are in pixels of the traced image, (vertical, horizontal). ``size`` is the
    largest over the positions in the middle of the map: below an upsampling it varies from
    position to position. Borders don't cut it.

    Attributes:
        size: height and width.
        start: centre of the field of position (0, 0), in the convention that pixel 0 covers
            [0, 1), so that its centre is 0.5.
        jump: distance between the fields of neighbouring positions.
        is_global: some path reads the whole image (a pooled gate, image pooling, attention);
            ``size`` then describes the local paths alone.
        has_local: whether there is a local path at all; where not, ``size`` is the image's.
    """

    size: tuple[int, int]
    start: tuple[float, float]
    jump: tuple[float, float]
    is_global: bool = False
    has_local: bool = True

    def centre(self, row: int, col: int) -> tuple[float, float]:
        """Return the centre (y, x) of the field of one position, in image pixels."""
        return self.start[0] + self.jump[0] * row, self.start[1] + self.jump[1] * col

    def rect(self, row: int, col: int) -> tuple[float, float, float, float]:
        """Return (top, left, bottom, right) of one position's field; may leave the image."""
        y, x = self.centre(row, col)
        half_h, half_w = self.size[0] / 2, self.size[1] / 2
        return y - half_h, x - half_w, y + half_h, x + half_w


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One stage of a traced network.

    Attributes:
        id: unique in its trace; the module's name, with "#2" for a second call of the same module.
        name: dotted name of the module whose result this is.
        role: what the stage does.
        shape: channels, height, width of the result.
        stride: pixels of the network's own input per position; the stages of a U are in rows by it.
        parameters: of the operations between the previous stages and this one, and of those that
            run beside them on other levels or behind them to no stage of their own.
        macs: their multiply-adds for this image.
        seconds: their time in the traced pass.
        receptive_field: None where the stage has no place on the image (a region's features).
        inputs: ids of the stages that it reads.
        site: the operation that makes the result.
        group: id of the stage that joins parallel branches, for a branch; else "".
        regions: how many regions (instances) went through, for the heads of instance models; the
            activations are those of the first, which has the highest score.
        photo_scale: pixels of the traced image per photo pixel, (vertical, horizontal).
        operators: the operations counted for it that have a window, weights or another size.
    """

    id: str
    name: str
    role: Role
    shape: tuple[int, int, int]
    stride: int
    parameters: int
    macs: int
    seconds: float
    receptive_field: ReceptiveField | None
    inputs: tuple[str, ...]
    site: Site
    group: str = ""
    regions: int | None = None
    photo_scale: tuple[float, float] = (1.0, 1.0)
    operators: tuple[Operator, ...] = ()

    @property
    def branch_texts(self) -> tuple[str, ...]:
        """What tells a parallel branch from its neighbours, longest first; none for other stages."""
        return branch_texts(self.operators) if self.group else ()

    @property
    def photo_stride(self) -> float:
        """Photo pixels per position; 0 where the stage has no place on the photo."""
        if self.receptive_field is None:
            return 0.0
        down, right = self.receptive_field.jump
        return (down / self.photo_scale[0] + right / self.photo_scale[1]) / 2

    @property
    def photo_field(self) -> tuple[int, int] | None:
        """Height and width of the receptive field in photo pixels; None without a place there."""
        if self.receptive_field is None:
            return None
        height, width = self.receptive_field.size
        return math.ceil(height / self.photo_scale[0]), math.ceil(width / self.photo_scale[1])

    @property
    def nbytes(self) -> int:
        """Bytes of the activations as float16."""
        return 2 * math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Remainder:
    """What of a network belongs to no stage: heads for training alone, parts that did not run.

    Attributes:
        modules: their names.
        parameters: of them.
        macs: their multiply-adds for this image.
        seconds: their time in the traced pass.
    """

    modules: tuple[str, ...]
    parameters: int
    macs: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SkipEdge:
    """A connection past the way down and up: one argument of one join.

    Attributes:
        id: unique in its trace, "source -> target".
        source: id of the stage that it comes from.
        target: id of the stage in which it is joined.
        kind: how.
        shape: channels, height, width of what arrives at the join.
        via: name of the module that made what arrives; the source's where nothing lies between.
        site: the join (a concatenation or an addition) in which it is an argument.
        argument: which argument.
        merged: site and argument of every tensor that the flattened join brings together, in order.
        deep: index in ``merged`` of the path from below.
        index: index in ``merged`` of this edge.
        place: where the join's positions lie on the image; None where they have no place there.
        cropped_from: height and width of the source's map where only its middle is joined, since
            convolutions pad nothing; else None.
    """

    id: str
    source: str
    target: str
    kind: EdgeKind
    shape: tuple[int, int, int]
    via: str
    site: Site
    argument: int
    merged: tuple[tuple[Site, int], ...]
    deep: int
    index: int
    place: ReceptiveField | None = None
    cropped_from: tuple[int, int] | None = None

    @property
    def crop_text(self) -> str:
        """What is cropped, for people; "" if nothing is."""
        if self.cropped_from is None:
            return ""
        return f"cropped from {self.cropped_from[0]}\u00d7{self.cropped_from[1]}"


class CutHow(StrEnum):
    """What stands in for features that are cut."""

    ZERO = "zero"
    MEAN = "mean"
    SHUFFLE = "shuffle"


@dataclass(frozen=True, slots=True)
class EdgeCut:
    """Cut a skip edge; the source's other readers still get its features.

    Attributes:
        edge: which.
        how: zero, each channel's mean over the image, or its positions shuffled (the same
            permutation for every channel).
        seed: of the shuffle.
    """

    edge: SkipEdge
    how: CutHow = CutHow.ZERO
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ChannelCut:
    """Cut channels of a stage's result for everything that reads it.

    Attributes:
        layer: which stage.
        channels: which channels; None for all.
        how: as in ``EdgeCut``.
        seed: of the shuffle.
    """

    layer: LayerInfo
    channels: tuple[int, ...] | None
    how: CutHow = CutHow.ZERO
    seed: int = 0


Cut = EdgeCut | ChannelCut


class ActivationStore:
    """Activations within a byte budget; what doesn't fit is computed again when asked for.

    The least recently used go first. Safe to read from several threads.
    """

    def __init__(
        self,
        budget: int,
        recompute: Callable[[tuple[str, ...]], Mapping[str, FeatureMap]] | None = None,
    ) -> None:
        """Take the budget in bytes and what computes the named stages' activations."""
        self.budget = budget
        self._recompute = recompute
        self._kept: OrderedDict[str, FeatureMap] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        with self._lock:
            return sum(array.nbytes for array in self._kept.values())

    @property
    def kept(self) -> tuple[str, ...]:
        """Ids of the stages held."""
        with self._lock:
            return tuple(self._kept)

    def put(self, layer_id: str, array: FeatureMap) -> None:
        """Keep an array; older ones leave while the budget is exceeded, this one never."""
        with self._lock:
            self._kept[layer_id] = array
            self._kept.move_to_end(layer_id)
            while len(self._kept) > 1 and self.nbytes > self.budget:
                self._kept.popitem(last=False)

    def get(self, layer_id: str) -> FeatureMap:
        """Return the activations (C, h, w) float16 of a stage.

        Raises:
            SegstudioError: if they were not kept and cannot be computed again.
        """
        with self._lock:
            if layer_id in self._kept:
                self._kept.move_to_end(layer_id)
                return self._kept[layer_id]
        # not under the lock: the network may be busy, for someone who reads from here
        found = self._computed(layer_id)
        self.put(layer_id, found)
        return found

    def recompute_by(
        self, recompute: Callable[[tuple[str, ...]], Mapping[str, FeatureMap]]
    ) -> None:
        """Set what computes the named stages' activations again."""
        self._recompute = recompute

    @property
    def recompute(self) -> Callable[[tuple[str, ...]], Mapping[str, FeatureMap]] | None:
        """What computes the named stages' activations again, if anything does."""
        return self._recompute

    def _computed(self, layer_id: str) -> FeatureMap:
        if self._recompute is None:
            raise SegstudioError(
                f"the activations of {layer_id} were not kept", "Trace the image again."
            )
        found = self._recompute((layer_id,))
        if layer_id not in found:
            raise SegstudioError(
                f"{layer_id} did not run on this image",
                "The network takes another way through its modules for this input.",
            )
        return found[layer_id]


@dataclass(frozen=True)
class FeatureTrace:
    """What one forward pass through a network showed.

    Attributes:
        model: the network's class name.
        input_size: height and width of the traced image.
        input_scale: pixels of the network's own input per image pixel, (vertical, horizontal):
            not 1 where the network resizes its images itself.
        output_shape: (C, H, W) of the logits; None where the output is no map (instances).
        layers: the stages in the order in which they ran.
        skips: the skip edges in the order of their joins.
        parameters: of the whole network.
        macs: multiply-adds of the whole pass.
        seconds: time of the traced pass.
        notes: what could not be found and why, for the user.
        activations: of the stages.
        remainder: what no stage counts, None where there is nothing: the stages' parameters and
            multiply-adds and these are the network's.
    """

    model: str
    input_size: tuple[int, int]
    input_scale: tuple[float, float]
    output_shape: tuple[int, int, int] | None
    layers: tuple[LayerInfo, ...]
    skips: tuple[SkipEdge, ...]
    parameters: int
    macs: int
    seconds: float
    notes: tuple[str, ...]
    activations: ActivationStore = field(repr=False, compare=False)
    remainder: Remainder | None = None

    def layer(self, layer_id: str) -> LayerInfo:
        """Return a stage.

        Raises:
            SegstudioError: if there is none of this id; the hint lists what there is.
        """
        for layer in self.layers:
            if layer.id == layer_id:
                return layer
        raise _unknown("stage", layer_id, (layer.id for layer in self.layers))

    def skip(self, skip_id: str) -> SkipEdge:
        """Return a skip edge by its id, or by its source where that has one edge only.

        Raises:
            SegstudioError: if there is none, or several; the hint lists what there is.
        """
        found = [edge for edge in self.skips if edge.id == skip_id]
        found = found or [edge for edge in self.skips if edge.source == skip_id]
        if len(found) == 1:
            return found[0]
        raise _unknown("skip edge", skip_id, (edge.id for edge in self.skips))

    def of_role(self, *roles: Role) -> tuple[LayerInfo, ...]:
        """Return the stages of the given roles, in order."""
        return tuple(layer for layer in self.layers if layer.role in roles)

    def activation(self, layer_id: str) -> FeatureMap:
        """Return a stage's activations (C, h, w) float16, computing them again if necessary.

        Raises:
            SegstudioError: for an unknown stage, or one that can't be computed again.
        """
        self.layer(layer_id)
        return self.activations.get(layer_id)

    def position(self, layer_id: str, y: float, x: float) -> tuple[int, int] | None:
        """Return (row, col) of a stage's map over the image point (y, x); None outside the map.

        The stage's map is taken to cover the whole image, as zero-padded networks do.
        """
        layer = self.layer(layer_id)
        field_ = layer.receptive_field
        if field_ is None:
            return None
        row = round((y - field_.start[0]) / field_.jump[0])
        col = round((x - field_.start[1]) / field_.jump[1])
        height, width = layer.shape[1:]
        in_image = 0 <= y < self.input_size[0] and 0 <= x < self.input_size[1]
        if not in_image:
            return None
        return min(max(row, 0), height - 1), min(max(col, 0), width - 1)


def _unknown(what: str, name: str, there: Iterable[str]) -> SegstudioError:
    return SegstudioError(f"no single {what} {name!r}", f"There are: {', '.join(there) or 'none'}.")
