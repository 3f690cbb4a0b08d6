"""Decode image files to 8-bit RGB, upright."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image
from segstudio.core.regular_file import check_regular
from segstudio.storage.image_errors import DECODE_ERRORS, TIFF_MAGIC, check_size, unreadable
from segstudio.storage.layout import suffix_of
from segstudio.storage.orientation import orientation_of, upright
from segstudio.storage.pillow import open_image

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

ALPHA_NOTE = "The transparency of the file is not shown."
_TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
_ALPHA_MODES = frozenset({"LA", "PA", "RGBA", "La", "RGBa"})


@dataclass(frozen=True)
class LoadedImage:
    """An image as it is shown and given to models.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, EXIF orientation applied.
        depth_bits: Bits per sample of the file (1, 8, 16, 32, 64).
        orientation: The EXIF orientation that was applied, 1..8 (1: none).
        notes: What was left out or changed, in plain sentences.
    """

    pixels: Image
    depth_bits: int = 8
    orientation: int = 1
    notes: tuple[str, ...] = ()


def read_image(path: Path) -> LoadedImage:
    """Read an image: PNG, JPEG, TIFF, BMP or WebP, told by its content, not by its name.

    Orientation is applied, transparency left out, the first page or frame taken; more than 8 bits
    are scaled from the image's own smallest..largest value to 0..255 (not-a-numbers are black).

    Raises:
        SegstudioError: if the file is missing, empty, truncated, too large, or no image.
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            head = file.read(32)
        if head.startswith(TIFF_MAGIC):
            return _read_tiff(path)
        if suffix_of(path.name) in _TIFF_SUFFIXES and not head:
            raise EOFError
        if head.startswith(b"\x89PNG") and len(head) > 25 and head[24] == 16:
            return _read_deep_png(path)
        return _read_with_pil(path)
    except DECODE_ERRORS as error:
        raise unreadable(path, error) from error


def stretched(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Values scaled so that the smallest finite one becomes 0 and the largest 255.

    Args:
        pixels: Any shape, any number type. Not-a-number becomes 0, infinities 0 and 255. An image
            of one value only becomes 0.

    Returns:
        uint8 of the same shape, rounded to nearest.
    """
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype == np.uint16:
        low, high = int(pixels.min()), int(pixels.max())
        steps = np.arange(65536, dtype=np.float64)
        scaled = (np.clip(steps, low, high) - low) * (255.0 / max(high - low, 1))
        table: npt.NDArray[np.uint8] = np.rint(scaled).astype(np.uint8)
        return np.asarray(table[pixels])
    values = pixels.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(pixels.shape, np.uint8)
    smallest, largest = float(values[finite].min()), float(values[finite].max())
    span = largest - smallest
    if span <= 0:
        return np.where(values == np.inf, np.uint8(255), np.uint8(0))
    scaled = np.clip((values - smallest) * (255.0 / span), 0, 255)
    return np.rint(np.nan_to_num(scaled, nan=0.0)).astype(np.uint8)


def _read_with_pil(path: Path) -> LoadedImage:
    with open_image(path) as image:
        check_size(path, image.size)
        frames = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
        notes = [f"This is the first of {frames} frames."] if frames > 1 else []
        orientation = orientation_of(image)
        image.load()
        pixels, depth, has_alpha = _rgb(image)
    if has_alpha:
        notes.append(ALPHA_NOTE)
    return LoadedImage(upright(pixels, orientation), depth, orientation, tuple(notes))


def _rgb(image: PilImage) -> tuple[Image, int, bool]:
    """Pixels (H, W, 3) uint8, bits per sample, whether transparency was left out."""
    if image.mode == "F" or image.mode.startswith("I"):
        pixels = np.array(image)
        return _three_channels(stretched(pixels)), pixels.dtype.itemsize * 8, False
    if image.mode in _ALPHA_MODES:
        alpha = image.getchannel("A" if "A" in image.getbands() else "a")
        transparent = alpha.getextrema() != (255, 255)
        return _without_alpha(image), 8, transparent
    depth = 1 if image.mode == "1" else 8
    transparent = "transparency" in image.info
    return np.array(image.convert("RGB")), depth, transparent


def _without_alpha(image: PilImage) -> Image:
    """The colours as stored, also where they are transparent."""
    if image.mode == "RGBA":
        return np.ascontiguousarray(np.asarray(image)[..., :3])
    if image.mode == "LA":
        return _three_channels(np.asarray(image)[..., 0])
    return np.ascontiguousarray(np.asarray(image.convert("RGBA"))[..., :3])


def _read_deep_png(path: Path) -> LoadedImage:
    """A PNG with 16 bits a sample; PIL would cut colours down to 8 bits."""
    with open_image(path) as image:
        check_size(path, image.size)
        orientation = orientation_of(image)
        is_grey = image.mode.startswith("I")
        if is_grey:
            image.load()
            pixels = np.array(image)
    if not is_grey:
        pixels = _decode_with_opencv(path)
    notes: tuple[str, ...] = ()
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        notes = (ALPHA_NOTE,) if int(pixels[..., 3].min()) < 65535 else ()
        pixels = pixels[..., :3]
    shown = _three_channels(stretched(pixels))
    return LoadedImage(upright(shown, orientation), 16, orientation, notes)


def _decode_with_opencv(path: Path) -> npt.NDArray[Any]:
    import cv2

    data = np.fromfile(path, np.uint8)
    _check_png_is_whole(data.tobytes())
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("its pixels are damaged")
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(
            pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB
        )
    return np.asarray(pixels)


def _check_png_is_whole(data: bytes) -> None:
    """OpenCV fills what is missing with black without a word, so the end is looked for here."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IEND":
            return
        at += 12 + length
    raise ValueError("the file is cut off")


def _read_tiff(path: Path) -> LoadedImage:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[0]
        check_size(path, (page.imagewidth, page.imagelength))
        count = len(tiff.pages)
        tag = page.tags.get(274)
        stored = np.asarray(page.asarray())
        pixels, has_alpha = _tiff_colors(page, stored)
    orientation = int(tag.value) if tag is not None and 1 <= int(tag.value) <= 8 else 1
    notes = [f"This is the first of {count} pages."] if count > 1 else []
    if has_alpha:
        notes.append(ALPHA_NOTE)
    depth = 1 if stored.dtype == np.bool_ else stored.dtype.itemsize * 8
    return LoadedImage(upright(pixels, orientation), depth, orientation, tuple(notes))


def _tiff_colors(page: Any, stored: npt.NDArray[Any]) -> tuple[Image, bool]:
    """Pixels (H, W, 3) uint8 of a page, and whether transparency was left out."""
    if stored.ndim == 3 and page.planarconfig == 2:
        stored = np.moveaxis(stored, 0, 2)
    if stored.ndim > 3 or (stored.ndim == 3 and stored.shape[2] > 64):
        raise SegstudioError(
            f"{page.parent.filehandle.path} is not a plain picture (shape {stored.shape}).",
            "Save its planes as separate images.",
        )
    photometric = int(page.photometric)
    if photometric == 3 and page.colormap is not None:  # palette
        colors = (np.asarray(page.colormap).T >> 8).astype(np.uint8)
        return np.ascontiguousarray(colors[stored]), False
    if photometric == 5:  # CMYK
        return _from_cmyk(stored), False
    if stored.ndim == 2 or stored.shape[2] < 3:
        grey = stored if stored.ndim == 2 else stored[..., 0]
        shown = grey if grey.dtype == np.uint8 else stretched(grey)
        shown = 255 - shown if photometric == 0 else shown  # 0: white is zero
        return _three_channels(shown), stored.ndim == 3 and _is_transparent(stored[..., 1])
    has_alpha = stored.shape[2] == 4 and _is_transparent(stored[..., 3])
    rgb = stored[..., :3]
    return np.ascontiguousarray(rgb if rgb.dtype == np.uint8 else stretched(rgb)), has_alpha


def _is_transparent(alpha: npt.NDArray[Any]) -> bool:
    full = np.iinfo(alpha.dtype).max if alpha.dtype.kind == "u" else 1
    return bool((alpha < full).any())


def _from_cmyk(stored: npt.NDArray[Any]) -> Image:
    values = stored if stored.dtype == np.uint8 else stretched(stored)
    ink = 255 - values.astype(np.uint16)
    return ((ink[..., :3] * ink[..., 3:4] + 127) // 255).astype(np.uint8)


def _three_channels(grey: npt.NDArray[np.uint8]) -> Image:
    if grey.ndim == 3:
        return np.ascontiguousarray(grey)
    out = np.empty((*grey.shape, 3), np.uint8)
    out[...] = grey[..., None]
    return out
