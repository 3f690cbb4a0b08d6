"""Masks in files of images: the values as they are stored; nothing is interpreted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.storage.formats.mask_format import MaskFormat, RawMask
from segstudio.storage.image_errors import TIFF_MAGIC, check_size
from segstudio.storage.layout import IMAGE_SUFFIXES
from segstudio.storage.mask_forms import NativeMask
from segstudio.storage.orientation import orientation_of
from segstudio.storage.pillow import open_image

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

_WHITE_IS_ZERO = 0
_INKS = 5
_LOSSY_COMPRESSIONS = frozenset({6, 7, 34892})  # JPEG, old and new, and lossy JPEG of DNG
_ORIENTATION = 274


def read_image_mask(path: Path, _page: int = 0) -> RawMask:
    """A mask that Pillow decodes; of several frames the first."""
    with open_image(path) as image:
        check_size(path, image.size)
        lossy = image.format in {"JPEG", "MPO"} or _is_lossy_webp(path)
        image.load()
        pixels = _values(image)
        if image.format == "PNG" and image.mode == "L":
            pixels = _unstretched(pixels, _png_depth(path))
        alpha = _alpha_of(image)
        return RawMask(pixels, _palette_of(image), lossy, alpha, orientation_of(image))


def _alpha_of(image: PilImage) -> npt.NDArray[np.uint8] | None:
    """The opacity channel; that of single palette entries says nothing of the ids."""
    return np.array(image.getchannel("A")) if image.mode in {"LA", "RGBA"} else None


def _values(image: PilImage) -> npt.NDArray[Any]:
    if image.mode == "1":
        return np.asarray(image).astype(np.uint8)
    if image.mode == "L":
        return np.array(image)
    if image.mode in {"P", "I", "I;16"}:
        return np.array(image)
    if image.mode in {"LA", "PA"}:
        return np.array(image)[..., 0].copy()
    if image.mode.startswith("I;16"):
        return np.array(image).astype(np.uint16)
    return np.array(image.convert("RGB"))


def _unstretched(values: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.uint8]:
    """The ids of a 2- or 4-bit grey PNG, which PIL stretches to 0..255."""
    return values if bits not in {2, 4} else values // np.uint8(255 // (2**bits - 1))


def _png_depth(path: Path) -> int:
    with path.open("rb") as file:
        return file.read(25)[24]


def _is_lossy_webp(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(64)
    return head[8:12] == b"WEBP" and b"VP8 " in head


def _palette_of(image: PilImage) -> npt.NDArray[np.uint8] | None:
    if image.mode != "P":
        return None
    colors = np.frombuffer(bytes(image.getpalette("RGB") or b""), np.uint8)
    return colors[: min(len(colors) // 3, 256) * 3].reshape(-1, 3)


def _read_tiff(path: Path, page_number: int) -> RawMask:
    from segstudio.storage.tiff import is_undecoded_ycbcr, rgb_of_ycbcr, stored_frame

    with stored_frame(path, page_number) as (page, pixels):
        palette = None
        if page.colormap is not None:
            palette = (np.asarray(page.colormap).T >> 8).astype(np.uint8)[:256]
        if is_undecoded_ycbcr(page) and pixels.ndim == 3 and pixels.shape[2] >= 3:
            pixels = rgb_of_ycbcr(page, pixels)
        pixels = _as_shown(pixels, int(page.photometric))
        lossy = int(page.compression) in _LOSSY_COMPRESSIONS
        turned = page.tags.get(_ORIENTATION)
        orientation = int(turned.value) if turned is not None else 1
    alpha = None
    if pixels.ndim == 3:
        if pixels.shape[0] in {2, 3, 4} and pixels.shape[2] not in {2, 3, 4}:
            pixels = np.moveaxis(pixels, 0, 2)
        colors = 3 if pixels.shape[2] >= 3 else 1
        if pixels.shape[2] > colors:
            alpha = _eight_bits(pixels[..., colors])
        pixels = pixels[..., 0] if colors == 1 else _eight_bits(pixels[..., :3])
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8)
    if pixels.dtype.kind == "f":
        pixels = _whole_numbers(path, pixels)
    return RawMask(np.ascontiguousarray(pixels), palette, lossy, alpha, orientation)


def _as_shown(pixels: npt.NDArray[Any], photometric: int) -> npt.NDArray[Any]:
    """Pixels of a TIFF in which black is not 0, as viewers show them."""
    if photometric == _WHITE_IS_ZERO:
        return _black_is_zero(pixels)
    if photometric == _INKS and pixels.ndim == 3 and pixels.shape[-1] == 4:
        return _without_inks(pixels)
    return pixels


def _without_inks(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Colours of cyan, magenta, yellow and black, (H, W, 4), as a viewer shows them."""
    inks = _eight_bits(pixels).astype(np.int16)
    left = np.maximum(0, 255 - inks[..., :3] - inks[..., 3:])
    return np.asarray(left, np.uint8)


def _black_is_zero(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What every viewer shows of a TIFF in which 0 is white.

    Small numbers are class ids, of which nobody meant the opposite.
    """
    if pixels.dtype == np.bool_:
        return ~pixels
    if pixels.dtype.kind != "u":
        return pixels
    top = np.iinfo(pixels.dtype).max
    is_ids = top // 2 >= int(pixels.max()) > 0
    return pixels if is_ids else top - pixels


def _eight_bits(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    wide = pixels.dtype.itemsize > 1 and int(pixels.max()) > 255
    return (pixels >> 8 if wide else pixels).astype(np.uint8, copy=False)


def _whole_numbers(path: Path, pixels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    if not np.isfinite(pixels).all() or (pixels != np.rint(pixels)).any():
        raise SegstudioError(
            f"The mask {path} holds fractions, so it is not a map of class ids.",
            "Save it with whole numbers (8 or 16 bit).",
        )
    return pixels.astype(np.int64)


def _tiff_pages(path: Path) -> int:
    from segstudio.storage.tiff import frame_count

    return frame_count(path)


TIFF = MaskFormat(
    "tiff",
    "TIFF",
    (".tif", ".tiff"),
    begins=TIFF_MAGIC,
    read=_read_tiff,
    pages=_tiff_pages,
    form=NativeMask.open,
)
IMAGE = MaskFormat(
    "image",
    "Image",
    tuple(sorted(IMAGE_SUFFIXES)),
    begins=(b"",),
    read=read_image_mask,
    form=NativeMask.open,
)
