"""The pictures of a stage's channels that the grid has at hand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from PySide6.QtGui import QImage, QPixmap

from segstudio.core.labels import Image

_KEPT_BYTES = 96 * 1024 * 1024
_FEWEST = 128


class ChannelPictures:
    """Pixmaps by channel within a byte budget; outdated ones serve until new ones have come."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, QPixmap] = OrderedDict()
        self._outdated: set[int] = set()

    def get(self, channel: int) -> QPixmap | None:
        """The picture of a channel, perhaps an outdated one."""
        return self._kept.get(channel)

    def lacks(self, channel: int) -> bool:
        """Whether there is none, or an outdated one."""
        return channel not in self._kept or channel in self._outdated

    def clear(self) -> None:
        self._kept.clear()
        self._outdated.clear()

    def outdate(self) -> None:
        """All shall be made anew."""
        self._outdated = set(self._kept)

    def add(self, pictures: Mapping[int, Image], ratio: float) -> None:
        """Take pictures, RGB (h, w, 3) uint8, of so many pixels per logical pixel."""
        for channel, picture in pictures.items():
            height, width, depth = picture.shape
            image = QImage(picture.data, width, height, depth * width, QImage.Format.Format_RGB888)
            pixmap = QPixmap.fromImage(image)
            pixmap.setDevicePixelRatio(ratio)
            self._kept[channel] = pixmap
            self._kept.move_to_end(channel)
            self._outdated.discard(channel)
            most = max(_FEWEST, _KEPT_BYTES // (4 * height * width))
            while len(self._kept) > most:
                self._outdated.discard(self._kept.popitem(last=False)[0])
