"""A stage's activations as small pictures of the photo, without the input's padding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.features import FeatureMap, LayerInfo
from segstudio.core.input_geometry import InputGeometry

FloatArray = NDArray[np.float32]

_BLOCK: Final = 16
"""Channels worked on at a time, which bounds the memory for the float32 copies."""


@dataclass(frozen=True, eq=False)
class Sampling:
    """Which positions of a stage's map the pixels of a picture show.

    A pixel of a picture that is coarser than the map is the mean of the positions under it; one
    that is finer is the nearest position's value, so that positions stay visible as squares.

    Attributes:
        shape_hw: Of the picture.
        rows: Row of the map for every one of `steps` parts of every row of the picture.
        cols: Likewise of the columns.
        steps: How many parts a pixel has, (vertical, horizontal).
    """

    shape_hw: tuple[int, int]
    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    steps: tuple[int, int]

    @property
    def averages(self) -> bool:
        """Whether pixels are means of several positions."""
        return self.steps != (1, 1)

    def take(self, values: NDArray[np.floating]) -> FloatArray:
        """Pictures (n, h, w) float32 of maps (n, map h, map w)."""
        result = np.empty((len(values), *self.shape_hw), np.float32)
        for begin in range(0, len(values), _BLOCK):
            part = values[begin : begin + _BLOCK].take(self.rows, axis=1).take(self.cols, axis=2)
            fine = np.nan_to_num(part.astype(np.float32, copy=False), copy=False)
            if not self.averages:
                result[begin : begin + len(fine)] = fine
                continue
            for offset, one in enumerate(fine):
                result[begin + offset] = cv2.resize(
                    one, self.shape_hw[::-1], interpolation=cv2.INTER_AREA
                )
        return result


def picture_shape(input_geometry: InputGeometry, layer: LayerInfo, px: int) -> tuple[int, int]:
    """(h, w) of a stage's picture whose longer side has `px` pixels.

    It has the shape of the part of the photo that the network saw, or of the map itself where the
    stage has no place on the photo.
    """
    height, width = (
        layer.shape[1:] if layer.receptive_field is None else input_geometry.window.shape_hw
    )
    scale = px / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def sampling_of(input_geometry: InputGeometry, layer: LayerInfo, px: int) -> Sampling:
    """How a stage's map becomes a picture whose longer side has `px` pixels."""
    shape = picture_shape(input_geometry, layer, px)
    map_hw = layer.shape[1:]
    field = layer.receptive_field
    if field is None:
        starts, jumps, spans = (0.5, 0.5), (1.0, 1.0), (float(map_hw[0]), float(map_hw[1]))
    else:
        starts, jumps = field.start, field.jump
        spans = (float(input_geometry.resized_hw[0]), float(input_geometry.resized_hw[1]))
    indices, steps = [], []
    for axis in range(2):
        positions = spans[axis] / jumps[axis]
        step = max(1, math.ceil(positions / shape[axis] - 0.01))
        middles = (np.arange(shape[axis] * step) + 0.5) * (spans[axis] / (shape[axis] * step))
        nearest = np.rint((middles - starts[axis]) / jumps[axis]).astype(np.intp)
        indices.append(np.clip(nearest, 0, map_hw[axis] - 1))
        steps.append(step)
    return Sampling(shape, indices[0], indices[1], (steps[0], steps[1]))


def visible_part(input_geometry: InputGeometry, layer: LayerInfo) -> tuple[slice, slice]:
    """The rows and columns of a stage's map whose middles lie on the photo, not on padding.

    All of them where the stage has no place on the photo; at least one of each.
    """
    field = layer.receptive_field
    if field is None:
        return slice(0, layer.shape[1]), slice(0, layer.shape[2])
    found = []
    for axis in range(2):
        length = layer.shape[1 + axis]
        middles = field.start[axis] + field.jump[axis] * np.arange(length)
        inside = np.flatnonzero((middles >= 0) & (middles < input_geometry.resized_hw[axis]))
        found.append(slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 1))
    return found[0], found[1]


def on_grid(
    mask: NDArray[np.bool_], input_geometry: InputGeometry, layer: LayerInfo
) -> NDArray[np.bool_]:
    """A mask (h, w) of the window on the positions of `visible_part`.

    A position belongs to the mask if at least half of the pixels nearest to it do.
    """
    field = layer.receptive_field
    edges = []
    for axis, part in enumerate(visible_part(input_geometry, layer)):
        between = np.arange(part.start, part.stop + 1) - 0.5
        if field is None:
            pixels = (between + 0.5) * mask.shape[axis] / layer.shape[1 + axis]
        else:
            pixels = (field.start[axis] + field.jump[axis] * between) / input_geometry.scale[axis]
        edges.append(_bounds(pixels, mask.shape[axis]))
    summed = cv2.integral(mask.astype(np.uint8))
    (top, bottom), (left, right) = edges
    inside = (
        summed[np.ix_(bottom, right)]
        - summed[np.ix_(top, right)]
        - summed[np.ix_(bottom, left)]
        + summed[np.ix_(top, left)]
    )
    area = (bottom - top)[:, None] * (right - left)[None, :]
    return np.asarray(2 * inside >= area)


def _bounds(edges: NDArray[np.float64], length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First pixel and the one after the last between neighbouring edges, at least one each."""
    first = np.clip(np.rint(edges[:-1]).astype(np.intp), 0, length - 1)
    after = np.clip(np.rint(edges[1:]).astype(np.intp), 1, length)
    return first, np.maximum(after, first + 1)


def mean_of_channels(features: FeatureMap) -> FloatArray:
    """Mean over the channels of (C, h, w): (h, w) float32."""
    total = np.zeros(features.shape[1:], np.float32)
    for begin in range(0, len(features), _BLOCK):
        total += features[begin : begin + _BLOCK].astype(np.float32).sum(axis=0)
    return total / np.float32(len(features))


def maximum_of_channels(features: FeatureMap) -> FloatArray:
    """Largest value over the channels of (C, h, w): (h, w) float32."""
    largest = features[:_BLOCK].astype(np.float32).max(axis=0)
    for begin in range(_BLOCK, len(features), _BLOCK):
        part = features[begin : begin + _BLOCK].astype(np.float32)
        np.maximum(largest, part.max(axis=0), out=largest)
    return np.asarray(largest, np.float32)
