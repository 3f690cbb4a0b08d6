"""Where a network's input and its stages lie on the photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureTrace, LayerInfo
from segstudio.core.geometry import Rect

PointYX = tuple[float, float]
"""(y, x); pixel 0 covers [0, 1), so that its centre is 0.5."""


@dataclass(frozen=True)
class InputGeometry:
    """How a photo became a network's input: a window of it, resized, padded right and below.

    Attributes:
        photo_hw: (height, width) of the photo.
        window: The part of the photo that the network saw; the whole photo unless it is large.
        resized_hw: What the window was resized to.
        padded_hw: The input's size; what is beyond `resized_hw` is padding.
    """

    photo_hw: tuple[int, int]
    window: Rect
    resized_hw: tuple[int, int]
    padded_hw: tuple[int, int]

    @property
    def scale(self) -> tuple[float, float]:
        """Input pixels per photo pixel, (vertical, horizontal)."""
        return (
            self.resized_hw[0] / self.window.height,
            self.resized_hw[1] / self.window.width,
        )

    def to_input(self, point: PointYX) -> PointYX:
        """The place in the input of a place (y, x) on the photo."""
        vertical, horizontal = self.scale
        return (
            (point[0] - self.window.top) * vertical,
            (point[1] - self.window.left) * horizontal,
        )

    def to_photo(self, point: PointYX) -> PointYX:
        """The place on the photo of a place (y, x) in the input; inverse of `to_input`."""
        vertical, horizontal = self.scale
        return point[0] / vertical + self.window.top, point[1] / horizontal + self.window.left

    def position(
        self, trace: FeatureTrace, layer_id: str, pixel_xy: tuple[int, int]
    ) -> tuple[int, int] | None:
        """(row, col) of a stage's map over the middle of photo pixel (x, y).

        None where the stage has no place on the photo, or the pixel lies outside the window.
        """
        x, y = pixel_xy
        inside = (
            self.window.top <= y < self.window.bottom and self.window.left <= x < self.window.right
        )
        if not inside:
            return None
        return trace.position(layer_id, *self.to_input((y + 0.5, x + 0.5)))

    def centre(self, layer: LayerInfo, row: int, col: int) -> PointYX | None:
        """(y, x) on the photo of the middle of a position's receptive field."""
        field = layer.receptive_field
        return None if field is None else self.to_photo(field.centre(row, col))

    def field(
        self, layer: LayerInfo, row: int, col: int
    ) -> tuple[float, float, float, float] | None:
        """(top, left, bottom, right) on the photo of a position's receptive field.

        It may leave the photo. None where the stage has no place on the photo.
        """
        if layer.receptive_field is None:
            return None
        top, left, bottom, right = layer.receptive_field.rect(row, col)
        return (*self.to_photo((top, left)), *self.to_photo((bottom, right)))

    def on_photo(
        self, values: NDArray[np.float32], layer: LayerInfo, *, smooth: bool = True
    ) -> NDArray[np.float32]:
        """A stage's map (h, w) as seen on the window: (window height, window width) float32.

        Every value lies in the middle of its receptive field.

        Args:
            values: (h, w) of that stage.
            layer: The stage.
            smooth: Interpolate bilinearly; else the nearest position's value.

        Raises:
            SegstudioError: if the stage has no place on the photo.
        """
        field = layer.receptive_field
        if field is None:
            raise SegstudioError(f"{layer.id} has no place on the photo.")
        rows = _positions(self.window.height, self.scale[0], field.start[0], field.jump[0])
        cols = _positions(self.window.width, self.scale[1], field.start[1], field.jump[1])
        return _sampled(values, rows, cols, smooth=smooth)

    def of_input(self, values: NDArray[np.float32], *, smooth: bool = True) -> NDArray[np.float32]:
        """A map at the input's size (padded h, w) as seen on the window: float32."""
        rows = _positions(self.window.height, self.scale[0], 0.5, 1.0)
        cols = _positions(self.window.width, self.scale[1], 0.5, 1.0)
        return _sampled(values, rows, cols, smooth=smooth)

    def paste(self, values: NDArray[np.uint8], outside: int = 0) -> NDArray[np.uint8]:
        """A map of the window's size on a photo-sized one: (H, W) uint8."""
        if values.shape == self.photo_hw:
            return values
        whole = np.full(self.photo_hw, outside, np.uint8)
        whole[self.window.slices] = values
        return whole


def _positions(length: int, scale: float, start: float, jump: float) -> NDArray[np.float32]:
    """Index into a stage's map, with fraction, of the middle of each of the window's pixels."""
    middles = (np.arange(length, dtype=np.float64) + 0.5) * scale
    return ((middles - start) / jump).astype(np.float32)


def _sampled(
    values: NDArray[np.float32],
    rows: NDArray[np.float32],
    cols: NDArray[np.float32],
    *,
    smooth: bool,
) -> NDArray[np.float32]:
    """Values at the crossing of rows and columns (with fractions), the edge's beyond it."""
    array = np.ascontiguousarray(values, np.float32)
    height, width = array.shape
    rows, cols = np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1)
    if not smooth:
        nearest: NDArray[np.float32] = array[np.rint(rows).astype(int)][
            :, np.rint(cols).astype(int)
        ]
        return nearest
    # one direction after the other: cv2.remap would want two maps of the photo's size
    along = _along(array, rows)
    return np.ascontiguousarray(_along(np.ascontiguousarray(along.T), cols).T)


def _along(array: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of (h, w) at places with fractions: (len(places), w)."""
    below = np.floor(places).astype(int)
    above = np.minimum(below + 1, len(array) - 1)
    part = (places - below).astype(np.float32)[:, None]
    mixed: NDArray[np.float32] = array[below] * (1 - part) + array[above] * part
    return mixed
