"""Thumbnails of the rows in sight: asked for newest first, kept while they fit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QPixmap

from segstudio.kit.pixmaps import pixmap_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.folder.browsing import Browsing

_IN_FLIGHT = 4
"""How many are asked for at a time: a scroll then leaves little stale work in the queue."""
_KEPT = 600


class ThumbnailPixmaps:
    """Pixmaps by image; what is not there yet is asked of `browsing` as long as it is in sight."""

    def __init__(self, browsing: Browsing, side: int, arrived: Callable[[int], None]) -> None:
        """Args:
        browsing: Makes thumbnails in the background.
        side: Longer side in device pixels.
        arrived: Told the image whose thumbnail is there now.
        """
        self._browsing = browsing
        self._side = side
        self._arrived = arrived
        self._pixmaps: OrderedDict[int, QPixmap] = OrderedDict()
        self._wanted: list[int] = []
        self._asked: set[int] = set()
        self._generation = 0

    def clear(self) -> None:
        """Another folder: forget all, and what is on its way."""
        self._pixmaps.clear()
        self._wanted.clear()
        self._asked.clear()
        self._generation += 1

    def get(self, image: int) -> QPixmap | None:
        """The thumbnail if it is there."""
        pixmap = self._pixmaps.get(image)
        if pixmap is not None:
            self._pixmaps.move_to_end(image)
        return pixmap

    def want(self, images: Iterable[int]) -> None:
        """Ask for the thumbnails of these images, first to last, and for no others."""
        self._wanted = [
            i for i in images if i >= 0 and i not in self._pixmaps and i not in self._asked
        ]
        self._ask()

    def _ask(self) -> None:
        while self._wanted and len(self._asked) < _IN_FLIGHT:
            image = self._wanted.pop(0)
            self._asked.add(image)
            keep = partial(self._keep, self._generation)
            self._browsing.thumbnail(image, self._side, keep)

    def _keep(self, generation: int, image: int, pixels: npt.NDArray[np.uint8] | None) -> None:
        if generation != self._generation:
            return
        self._asked.discard(image)
        self._pixmaps[image] = QPixmap() if pixels is None else pixmap_of(pixels)
        while len(self._pixmaps) > _KEPT:
            self._pixmaps.popitem(last=False)
        self._arrived(image)
        self._ask()
