"""Open files with PIL, without its own size limit."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage


def open_image(path: Path) -> PilImage:
    """Read an image's header; the caller checks the size before it loads the pixels.

    Raises:
        OSError: if it cannot be opened or is no image; other errors of damaged files as
            `image_errors.DECODE_ERRORS`.
    """
    image: PilImage = _module().open(path)
    return image


@cache
def _module() -> ModuleType:
    from PIL import Image

    # PIL warns from 89 million pixels on and refuses from 179 on: a slide scan is larger.
    # `image_errors.check_size` has the limit instead, with a message that says what to do.
    Image.MAX_IMAGE_PIXELS = None
    return Image
