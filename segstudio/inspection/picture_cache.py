"""Pictures that were made once, within a byte budget."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from segstudio.core.labels import Image

_LIMIT: Final = 64 * 1024 * 1024


class PictureCache:
    """The pictures of one trace within a byte budget; the least recently used go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], Image] = OrderedDict()
        self._nbytes = 0

    def get(self, key: tuple[object, ...]) -> Image | None:
        """The picture of a key, or None."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: tuple[object, ...], picture: Image) -> None:
        """Keep a picture; older ones leave where it gets too much."""
        before = self._kept.pop(key, None)
        self._nbytes += picture.nbytes - (0 if before is None else before.nbytes)
        self._kept[key] = picture
        while self._nbytes > _LIMIT and len(self._kept) > 1:
            self._nbytes -= self._kept.popitem(last=False)[1].nbytes
