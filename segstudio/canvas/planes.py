"""What lies over the photo, as colours of the visible device pixels.

Each plane looks its label maps up at the device pixels asked for, then turns ids into colours by a
table: changes of visibility, colour and opacity are changes of a table, and nothing image-sized is
ever made.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.canvas.photo import Pixels
from segstudio.canvas.sampling import Sampler
from segstudio.core.difference import difference
from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Labels
from segstudio.metrics.votes import agreement

_EDGE = 256
_DASH_PX = 10
"""Twice the length of a dash along a row; see `_dashed`."""


class Plane(Protocol):
    """One thing drawn over the photo."""

    @property
    def reach(self) -> int:
        """How many device pixels around a changed one look different after the change."""

    def take(self, sampler: Sampler, rect: Rect) -> Pixels:
        """Premultiplied colours of the device pixels of `rect`, inside `sampler.visible`."""


@dataclass(frozen=True, eq=False)
class StillMap:
    """The label map of a prediction, which never changes."""

    labels: Labels
    instances: InstanceIds | None = None


@dataclass(frozen=True, eq=False)
class ClassesAlone:
    """A label map that changes, without its objects."""

    of: LabelMap
    instances: None = None

    @property
    def labels(self) -> Labels:
        """Class ids as they are now."""
        return self.of.labels


Source = LabelMap | StillMap | ClassesAlone


@dataclass(frozen=True, eq=False)
class LabelPlane:
    """A label map as filled regions, outlines, or both.

    The outline is found among the device pixels: it is `outline_px` of them wide at any zoom and
    lies inside its own region, exactly on the region's edge. Touching instances are told apart.

    Attributes:
        source: The label map.
        colours: (512,) premultiplied colours by class id: of regions, then of outlines.
        outline_px: Width in device pixels; 0 for no outline.
    """

    source: Source
    colours: Pixels
    outline_px: int

    @property
    def reach(self) -> int:
        """The outline of the regions around a change follows it."""
        return self.outline_px

    def take(self, sampler: Sampler, rect: Rect) -> Pixels:
        """Fill where there is no edge, line where there is one."""
        if not self.outline_px:
            return coloured(self.colours, sampler.take(self.source.labels, rect))
        return coloured(self.colours, _outlined(self.source, self.outline_px, sampler, rect))


@dataclass(frozen=True, eq=False)
class DashedPlane:
    """The outlines of a label map as dashed white lines with a dark line beside the dashes, so that
    they are seen on any photo and never taken for the outlines of a class.

    The dashes keep their place on the image when it is moved.

    Attributes:
        source: The label map.
        drawn: (256,) uint8 by class id: 1 where the class has a line, else 0.
        outline_px: Width in device pixels.
    """

    source: Source
    drawn: npt.NDArray[np.uint8]
    outline_px: int

    @property
    def reach(self) -> int:
        """The outline of the regions around a change follows it, and the dark line that one."""
        return self.outline_px + 1

    def take(self, sampler: Sampler, rect: Rect) -> Pixels:
        """White where a dash lies, dark right of it and below."""
        wide = rect.expand(self.reach).intersect(sampler.visible)
        labels, edge = _with_edges(self.source, self.outline_px, sampler, wide)
        dashes = cv2.LUT(labels, self.drawn)
        cv2.bitwise_and(dashes, edge, dashes)
        cv2.bitwise_and(dashes, _dashed(sampler, wide), dashes)
        around = np.zeros((rect.height + 1, rect.width + 1), np.uint8)
        top, left = rect.top - wide.top, rect.left - wide.left
        above, before = min(top, 1), min(left, 1)
        around[1 - above :, 1 - before :] = dashes[
            top - above : top + rect.height, left - before : left + rect.width
        ]
        beside = np.bitwise_or(around[1:, :-1], around[:-1, 1:])
        return _DASH_COLOURS.take(around[1:, 1:] | (beside << 1))


@dataclass(frozen=True, eq=False)
class ValuePlane:
    """A uint8 map by a colour table: confidence, entropy.

    Attributes:
        values: (H, W) uint8.
        colours: (256,) premultiplied colours by value.
    """

    values: npt.NDArray[np.uint8]
    colours: Pixels
    reach: int = 0

    def take(self, sampler: Sampler, rect: Rect) -> Pixels:
        """Colours by value."""
        return self.colours.take(sampler.take(self.values, rect))


@dataclass(frozen=True, eq=False)
class DifferencePlane:
    """Where a prediction and the reference differ.

    Attributes:
        reference: The label map measured against: the annotation, or another prediction.
        prediction: (H, W) uint8 class ids.
        ignore_index: Class id of the reference that counts nowhere, or None.
        colours: (256,) premultiplied colours by code of `core.difference`.
        left_out: Class id of the prediction that counts nowhere, or None.
        nothing: Class id that stands for no object.
    """

    reference: Source
    prediction: Labels
    ignore_index: int | None
    colours: Pixels
    left_out: int | None = None
    nothing: int = 0
    reach: int = 0

    def take(self, sampler: Sampler, rect: Rect) -> Pixels:
        """Colours by kind of difference."""
        codes = difference(
            sampler.take(self.reference.labels, rect),
            sampler.take(self.prediction, rect),
            self.ignore_index,
            self.left_out,
            self.nothing,
        )
        return self.colours.take(codes)


@dataclass(frozen=True, eq=False)
class VotePlane:
    """Where label maps differ, by the entropy of their votes.

    Attributes:
        maps: (H, W) uint8 class ids, at least one.
        colours: (256,) premultiplied colours by the entropy, 0..255 for 0..1.
    """

    maps: tuple[Labels, ...]
    colours: Pixels
    reach: int = 0

    def take(self, sampler: Sampler, rect: Rect) -> Pixels:
        """Colours by entropy."""
        number = len(self.maps)
        if number < 2:
            return np.zeros(rect.shape_hw, np.uint32)
        # each map adds its share by how many agree with it; see `metrics.votes`
        share = _vote_shares(number)
        entropy = np.zeros(rect.shape_hw, np.float32)
        for agreeing in agreement([sampler.take(labels, rect) for labels in self.maps]):
            cv2.add(entropy, cv2.LUT(agreeing, share), entropy)
        levels = np.asarray(cv2.convertScaleAbs(entropy), np.uint8)
        return self.colours.take(levels)


@functools.cache
def _vote_shares(number: int) -> npt.NDArray[np.float32]:
    """(256,) float32: what one of so many votes adds to the entropy (0..255) by those like it."""
    table = np.zeros(256, np.float32)
    votes = np.arange(1, number + 1)
    table[votes] = -255 * np.log(votes / number) / (number * np.log(number))
    return table


def _outlined(source: Source, width: int, sampler: Sampler, rect: Rect) -> npt.NDArray[np.uint16]:
    """The class id of each device pixel, plus `_EDGE` where an outline lies; (h, w) uint16."""
    wide = rect.expand(width).intersect(sampler.visible)
    labels, edge = _with_edges(source, width, sampler, wide)
    top, left = rect.top - wide.top, rect.left - wide.left
    inner = (slice(top, top + rect.height), slice(left, left + rect.width))
    found = edge[inner].astype(np.uint16) * np.uint16(_EDGE)
    found |= labels[inner]
    return found


def _with_edges(
    source: Source, width: int, sampler: Sampler, rect: Rect
) -> tuple[Labels, npt.NDArray[np.uint8]]:
    """The class id of each device pixel, and 1 where an outline lies, else 0; (h, w) uint8."""
    labels, objects = sampler.take(source.labels, rect), source.instances
    if objects is None:
        return labels, edges(labels, width)
    return labels, edges(labels, width, sampler.take(objects, rect))


def coloured(table: Pixels, entries: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> Pixels:
    """The colours of a table at its entries, none of which lies past its end."""
    found = np.empty(entries.shape, np.uint32)
    # in twice the time without "clip", since all entries are looked through first
    return np.take(table, entries, out=found, mode="clip")


def _dashed(sampler: Sampler, rect: Rect) -> npt.NDArray[np.uint8]:
    """1 where a line along a row, a column or a diagonal has a dash, else 0; (h, w) uint8."""
    x, y = (
        np.floor(points * sampler.view.zoom + 1e-6).astype(np.int64)
        for points in sampler.points(rect)
    )
    along_row, along_column = (
        (steps % (2 * _DASH_PX)).astype(np.uint8) for steps in (2 * x, 3 * y)
    )
    found: npt.NDArray[np.uint8] = _IS_DASH.take(along_row[None, :] + along_column[:, None])
    return found


_IS_DASH = (np.arange(4 * _DASH_PX) // _DASH_PX % 2 == 0).astype(np.uint8)
"""By steps along a line, up to twice the length of a dash and a gap."""


def edges(
    ids: npt.NDArray[np.uint8], width: int, objects: npt.NDArray[np.uint16] | None = None
) -> npt.NDArray[np.uint8]:
    """1 where a pixel of another id, or another object, lies within `width` pixels, else 0.

    All are (h, w).
    """
    # a disc of 2 is a square of 3 x 3 around each pixel of a cross: what differs in no square
    # differs nowhere, and squares are found much faster than discs
    kernel = _SQUARE if width == _DISC_OF_SQUARES else _disc(width)
    found = _not_alike(ids, kernel)
    if objects is not None:
        cv2.bitwise_or(found, _not_alike(objects, kernel), found)
    if width == _DISC_OF_SQUARES:
        found = np.asarray(cv2.dilate(found, _disc(1)), np.uint8)
    edge: npt.NDArray[np.uint8] = np.bitwise_and(found, 1, dtype=np.uint8)
    return edge


_DISC_OF_SQUARES = 2
_SQUARE = np.ones((3, 3), np.uint8)


def _not_alike(
    ids: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], kernel: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """255 where ids differ below a kernel, else 0."""
    differ = cv2.compare(cv2.dilate(ids, kernel), cv2.erode(ids, kernel), cv2.CMP_NE)
    return np.asarray(differ, np.uint8)


@functools.cache
def _disc(radius: int) -> npt.NDArray[np.uint8]:
    """(2 r + 1, 2 r + 1) with 1 inside: a cross for radius 1, so that lines are not doubled."""
    steps = np.arange(-radius, radius + 1) ** 2
    return (steps[:, None] + steps <= radius * (radius + 0.5)).astype(np.uint8)


def premultiplied(table: npt.NDArray[np.uint8]) -> Pixels:
    """(N, 4) RGBA as (N,) 0xAARRGGBB with colours multiplied by alpha, rounded as Qt does."""
    rgba = table.astype(np.uint32)
    alpha = rgba[:, 3]
    rgb = (rgba[:, :3] * alpha[:, None] + 127) // 255
    packed = (alpha << 24) | (rgb[:, 0] << 16) | (rgb[:, 1] << 8) | rgb[:, 2]
    return packed.astype(np.uint32, copy=False)


_DASH_COLOURS = premultiplied(
    np.array([(0, 0, 0, 0), (255, 255, 255, 255), (0, 0, 0, 170), (255, 255, 255, 255)], np.uint8)
)
"""Nothing, a dash, what is dark beside it, and a dash beside another one."""
