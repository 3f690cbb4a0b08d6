"""Which image pixel each device pixel shows, and label maps looked up that way.

Everything the canvas shows is looked up for the visible device pixels only, by one rule that does
not depend on which part is asked for. So a part that is drawn again equals the whole drawn again,
and the cost is that of the part, whatever the image's size.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from segstudio.canvas.view import Size, View
from segstudio.core.geometry import Rect

_T = TypeVar("_T", bound=np.generic)


class Sampler:
    """The image pixel under the centre of each device pixel.

    Attributes:
        view: Zoom and place.
        shape_hw: (H, W) of the image.
        viewport: Device rectangle (0, 0, height, width).
        visible: Device rectangle in which the image lies; may be empty.
    """

    def __init__(self, view: View, shape_hw: tuple[int, int], viewport_wh: Size) -> None:
        self.view = view
        self.shape_hw = shape_hw
        self.viewport = Rect(0, 0, viewport_wh[1], viewport_wh[0])
        self._u = _centres(viewport_wh[0], view.origin_xy[0], view.zoom)
        self._v = _centres(viewport_wh[1], view.origin_xy[1], view.zoom)
        self._x = np.floor(self._u).astype(np.intp)
        self._y = np.floor(self._v).astype(np.intp)
        self.visible = self.device_rect(Rect.of_shape(shape_hw))

    def device_rect(self, rect: Rect) -> Rect:
        """The device pixels that show pixels of an image rectangle; may be empty."""
        left, right = np.searchsorted(self._x, (rect.left, rect.right))
        top, bottom = np.searchsorted(self._y, (rect.top, rect.bottom))
        return Rect(int(top), int(left), int(bottom), int(right))

    def columns(self, rect: Rect) -> npt.NDArray[np.intp]:
        """(w,) image column of each device column of `rect`."""
        return self._x[rect.left : rect.right]

    def rows(self, rect: Rect) -> npt.NDArray[np.intp]:
        """(h,) image row of each device row of `rect`."""
        return self._y[rect.top : rect.bottom]

    def points(self, rect: Rect) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(w,) x and (h,) y: image points of the centres of the device pixels of `rect`."""
        return self._u[rect.left : rect.right], self._v[rect.top : rect.bottom]

    def take(self, array: npt.NDArray[_T], rect: Rect) -> npt.NDArray[_T]:
        """The values of an image-sized array shown at each device pixel.

        Args:
            array: (H, W), any dtype.
            rect: Device rectangle inside `visible`.

        Returns:
            (h, w) of the rectangle's shape, the array's dtype; a new array.
        """
        rows, columns = self.rows(rect), self.columns(rect)
        top, left = rows[0], columns[0]
        window = array[top : rows[-1] + 1, left : columns[-1] + 1]
        rows, columns = rows - top, columns - left
        # Rows are copied whole, so the axis that makes the array smaller goes first.
        if len(rows) < window.shape[0]:
            values: npt.NDArray[_T] = window.take(rows, axis=0).take(columns, axis=1)
        else:
            values = window.take(columns, axis=1).take(rows, axis=0)
        return values

    def pixel_starts(self, rect: Rect) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Offsets in `rect` of device columns and rows where another image pixel begins."""
        return _starts(self._x, rect.left, rect.right), _starts(self._y, rect.top, rect.bottom)


def _centres(count: int, origin: float, zoom: float) -> npt.NDArray[np.float64]:
    return (np.arange(count, dtype=np.float64) + (0.5 - origin)) / zoom


def _starts(index: npt.NDArray[np.intp], first: int, last: int) -> npt.NDArray[Any]:
    before = max(0, first - 1)
    found: npt.NDArray[Any] = np.flatnonzero(np.diff(index[before:last])) + 1 + before - first
    return found
