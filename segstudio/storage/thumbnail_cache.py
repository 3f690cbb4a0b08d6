"""Small pictures of images, decoded small and kept on disk."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image
from segstudio.core.progress import Check, no_check
from segstudio.core.regular_file import check_regular
from segstudio.storage.bounded_folder import BoundedFolder
from segstudio.storage.decode import read_image
from segstudio.storage.image_errors import DECODE_ERRORS, TIFF_MAGIC, check_size, unreadable
from segstudio.storage.orientation import orientation_of, upright
from segstudio.storage.pillow import CheckedFile, open_image

_VERSION = 2
"""Grows when images are shown differently: what was kept before is not used then."""
_MAX_BYTES = 256 * 2**20
_MAX_PIXELS = 150_000_000
"""Of larger images that must be decoded whole a grey field stands for the thumbnail."""
_QUICK = frozenset({"JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "AVIF", "JPEG2000", "PPM"})
"""What PIL shows as `read_image` does."""
_PLAIN_MODES = frozenset({"1", "L", "P", "RGB", "CMYK", "YCbCr"})


def read_thumbnail(path: Path, px: int, check: Check = no_check, page: int = 0) -> Image:
    """A small (h, w, 3) uint8 RGB picture of an image, at most `px` wide and high, upright.

    JPEGs are decoded at an eighth to a half of their size where that is enough.

    Args:
        path: The image.
        px: Width and height that it may have.
        check: Called again and again while the image is read; raises to give up.
        page: Which page of it, from 0.

    Returns:
        The picture; a grey field of an image that is so large, and must be decoded whole, that a
        small picture is not worth the memory.

    Raises:
        SegstudioError: if the file cannot be read, see `decode.read_image`.
    """
    check_regular(path)
    if page:
        return _small(path, px, check, page)
    try:
        with CheckedFile(path, check) as file, open_image(file) as image:
            check_size(path, image.size)
            if image.format != "JPEG" and image.width * image.height > _MAX_PIXELS:
                return _grey_field(image.size, px)
            if image.format in _QUICK and image.mode in _PLAIN_MODES and not _is_deep(path):
                check_size(path, image.size, 1 / 8, path.stat().st_size)
                orientation = orientation_of(image)
                # Asking for more than is shown keeps the edges clean: JPEG's own reduction is
                # coarse, the rest is done by averaging.
                image.draft("RGB", (px * 2, px * 2))
                small = image.convert("RGB")
                small.thumbnail((px, px), reducing_gap=2.0)
                return upright(np.array(small), orientation)
    except DECODE_ERRORS as error:
        # PIL does not know every kind of TIFF that tifffile reads.
        if not _is_tiff(path):
            raise unreadable(path, error) from error
    return _small(path, px, check, page)


def _small(path: Path, px: int, check: Check, page: int) -> Image:
    from PIL import Image as pil

    whole = pil.fromarray(read_image(path, page, check).pixels)
    whole.thumbnail((px, px), reducing_gap=2.0)
    return np.array(whole)


def _is_tiff(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in TIFF_MAGIC
    except OSError:
        return False


def _grey_field(size_wh: tuple[int, int], px: int) -> Image:
    longest = max(size_wh)
    width, height = (max(1, round(side * px / longest)) for side in size_wh)
    return np.full((height, width, 3), 128, np.uint8)


def _is_deep(path: Path) -> bool:
    """Whether a PNG has 16 bits a sample, of which PIL would show the upper 8."""
    with path.open("rb") as file:
        head = file.read(25)
    return head.startswith(b"\x89PNG") and head[24] == 16


class ThumbnailCache:
    """Thumbnails on disk, by path, time and size of the image; bounded in bytes.

    Safe to use from several threads. A cache that cannot be written is no error: thumbnails are
    then decoded each time.
    """

    def __init__(self, folder: Path, max_bytes: int = _MAX_BYTES) -> None:
        """Args:
        folder: Made when first written to.
        max_bytes: Limit; the thumbnails not used for longest are deleted past it.
        """
        self._files = BoundedFolder(folder, max_bytes)

    def get(self, path: Path, px: int, check: Check = no_check, page: int = 0) -> Image:
        """A picture of at most px x px, (h, w, 3) uint8 RGB, from the cache or made now.

        Args:
            path: The image.
            px: Width and height that it may have.
            check: Called again and again while the image is read; raises to give up.
            page: Which page of it, from 0.

        Raises:
            SegstudioError: if the image cannot be read.
        """
        name = _cache_name(path, px, page)
        cached = None if name is None else _decoded(self._files.read(name))
        if cached is not None:
            return cached
        thumbnail = read_thumbnail(path, px, check, page)
        if name is not None:
            self._keep(name, thumbnail)
        return thumbnail

    def _keep(self, name: str, thumbnail: Image) -> None:
        from PIL import Image as pil

        buffer = io.BytesIO()
        pil.fromarray(thumbnail).save(buffer, "JPEG", quality=88)
        try:
            self._files.write(name, buffer.getvalue())
        except SegstudioError:
            return


def _cache_name(path: Path, px: int, page: int) -> str | None:
    try:
        info = path.stat()
    except OSError:
        return None
    key = f"{_VERSION}|{os.path.realpath(path)}|{info.st_mtime_ns}|{info.st_size}|{px}"
    key += f"|{page}" if page else ""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{digest[:2]}/{digest[2:]}.jpg"


def _decoded(content: bytes | None) -> Image | None:
    if content is None:
        return None
    from PIL import Image as pil

    try:
        with pil.open(io.BytesIO(content)) as image:
            return np.array(image.convert("RGB"))
    except DECODE_ERRORS:
        return None
