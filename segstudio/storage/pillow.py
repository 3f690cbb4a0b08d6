"""Open files with PIL, without its own size limit."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage


class _Buffer(Protocol):
    def __buffer__(self, flags: int, /) -> memoryview: ...


class CheckedFile(io.BufferedReader):
    """A file whose reading can be given up: decoders read strip by strip, so they end there."""

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        """Open a file.

        Args:
            path: The file.
            check: Called before each read; raises to give up.
        """
        super().__init__(io.FileIO(path))
        self._check = check

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        self._check()
        return super().read(size)

    def readinto(self, buffer: _Buffer, /) -> int:
        """As of any file."""
        self._check()
        return super().readinto(buffer)


def open_image(file: Path | BinaryIO) -> PilImage:
    """Read an image's header; the caller checks the size before it loads the pixels.

    Args:
        file: A path, or an open file such as `CheckedFile`.

    Raises:
        OSError: if it cannot be opened or is no image; other errors of damaged files as
            `image_errors.DECODE_ERRORS`.
    """
    image: PilImage = _module().open(file)
    return image


@cache
def _module() -> ModuleType:
    from PIL import Image

    # PIL warns from 89 million pixels on and refuses from 179 on: a slide scan is larger.
    # `image_errors.check_size` has the limit instead, with a message that says what to do.
    Image.MAX_IMAGE_PIXELS = None
    return Image
