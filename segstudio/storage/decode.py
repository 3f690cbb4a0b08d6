"""Decode image files: the stored values of one page, and 8-bit RGB made of them, upright."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image
from segstudio.core.prediction import ModelSpec
from segstudio.core.progress import Check, no_check
from segstudio.core.regular_file import check_regular
from segstudio.storage.image_errors import DECODE_ERRORS, TIFF_MAGIC, check_size, unreadable
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.layout import suffix_of
from segstudio.storage.orientation import orientation_of, upright
from segstudio.storage.picture import GREY, RGB, Picture
from segstudio.storage.pillow import CheckedFile, open_image

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

ALPHA_NOTE = "The transparency of the file is not shown."
_TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
_JPEG_2000_MAGIC = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
_JPEG_2000_SIZES = b"\xff\x4f\xff\x51"
_ALPHA_MODES = frozenset({"LA", "PA", "RGBA", "La", "RGBa"})
_STRIP_PIXELS = 1 << 22
_PNG_MOST_PACKED = 1100
"""To how many bytes deflate can unpack one."""


@dataclass(frozen=True)
class LoadedImage:
    """An image as it is shown and given to models.

    Attributes:
        picture: The stored values of the page, which is read, and what they are.
        pixels: (H, W, 3) uint8 RGB, EXIF orientation applied: the picture's composite.
        orientation: The EXIF orientation that was applied, 1..8 (1: none).
        notes: What was left out or changed, in plain sentences.
    """

    picture: Picture
    pixels: Image
    orientation: int = 1
    notes: tuple[str, ...] = ()

    def given_to(self, spec: ModelSpec) -> npt.NDArray[Any]:
        """What a model gets; see `picture.Picture.given_to`."""
        return self.picture.given_to(spec, self.pixels)


def read_image(path: Path, page: int = 0, check: Check = no_check) -> LoadedImage:
    """Read a page of an image: what `layout.IMAGE_KINDS` says, told by its content, not its name.

    Orientation is applied and transparency left out. More than 8 bits are scaled from the image's
    own range to 0..255, see `picture.range_of`.

    Args:
        path: The file.
        page: Which page of a TIFF or frame of an animation, from 0.
        check: Called again and again while the file is read; raises to give up.

    Raises:
        SegstudioError: if the file is missing, empty, truncated, too large, no image, or has no
            such page.
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            head = file.read(32)
        if head.startswith(TIFF_MAGIC):
            return _read_tiff(path, page, check)
        if suffix_of(path.name) in _TIFF_SUFFIXES and not head:
            raise EOFError
        if head.startswith(_JPEG_2000_MAGIC):
            return _read_jpeg_2000(path, page, check)
        if head.startswith(b"\x89PNG") and len(head) > 25 and head[24] == 16:
            return _read_deep_png(path, page, check)
        return _read_with_pil(path, page, check)
    except DECODE_ERRORS as error:
        raise unreadable(path, error) from error


def page_count(path: Path) -> int:
    """How many pages a TIFF, or frames an animation, has; 1 for other images.

    Raises:
        SegstudioError: if it cannot be read.
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            head = file.read(8)
        if head.startswith(TIFF_MAGIC):
            from segstudio.storage.tiff import tiff_pages

            return tiff_pages(path)
        with open_image(path) as image:
            return _frames(image)
    except DECODE_ERRORS as error:
        raise unreadable(path, error) from error


def pages_in_image(path: Path) -> int:
    """The same as `page_count`; 1 of a file that cannot be read, which is said when it is read."""
    try:
        return page_count(path)
    except SegstudioError:
        return 1


def every_page(images: Iterable[ImageRef], check: Check = no_check) -> list[ImageRef]:
    """Images with their later pages behind them; a later page that is among them stays alone."""
    found = []
    for ref in images:
        check()
        pages = 1 if ref.page else pages_in_image(ref.path)
        found += [ref.at_page(page) for page in range(ref.page, ref.page + pages)]
    return found


def _read_tiff(path: Path, page: int, check: Check) -> LoadedImage:
    from segstudio.storage.tiff import read_tiff

    found = read_tiff(path, page, check)
    notes = (ALPHA_NOTE,) if found.transparent else ()
    return LoadedImage(found.picture, found.picture.shown(check=check), found.orientation, notes)


def _loaded(
    raw: npt.NDArray[Any],
    bits: int,
    orientation: int,
    *,
    transparent: bool = False,
    page: int = 0,
    pages: int = 1,
    check: Check = no_check,
) -> LoadedImage:
    """A grey (H, W) or colour (H, W, 3) image as stored, before it is turned upright."""
    raw = upright(raw if raw.ndim == 3 else raw[..., None], orientation)
    is_color = raw.shape[2] == 3
    colors = RGB if is_color else (GREY,)
    names = ("Red", "Green", "Blue") if is_color else ("Grey",)
    picture = Picture(raw, bits, colors, names, is_color, page=page, pages=pages)
    notes = (ALPHA_NOTE,) if transparent else ()
    return LoadedImage(picture, picture.shown(check=check), orientation, notes)


def _frames(image: PilImage) -> int:
    # the second picture of an MPO is the other eye, or a preview
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def _go_to_page(path: Path, image: PilImage, page: int) -> int:
    """Make a frame the one that is decoded; returns how many there are."""
    frames = _frames(image)
    if not 0 <= page < frames:
        raise SegstudioError(
            f"{path} has no page {page + 1}: it has {frames}.", "Read the folder again."
        )
    if page:
        image.seek(page)
    return frames


def _read_with_pil(path: Path, page: int, check: Check) -> LoadedImage:
    with CheckedFile(path, check) as file, open_image(file) as image:
        _check_size(path, image, 4 if image.mode in {"I", "F"} else max(3, len(image.getbands())))
        pages = _go_to_page(path, image, page)
        orientation = orientation_of(image)
        image.load()
        raw, bits, transparent = _samples(image)
    return _loaded(
        raw, bits, orientation, transparent=transparent, page=page, pages=pages, check=check
    )


def _check_size(path: Path, image: PilImage, pixel_bytes: float) -> None:
    is_png = image.format == "PNG"
    # of PNGs the stored bytes count, which a palette or two colours make fewer than the shown
    packed = _png_bytes(image) if is_png else pixel_bytes
    check_size(path, image.size, pixel_bytes)
    stored = path.stat().st_size
    check_size(path, image.size, packed, stored, _PNG_MOST_PACKED if is_png else 10_000)


def _png_bytes(image: PilImage) -> float:
    return 1 / 8 if image.mode in {"1", "P"} else len(image.getbands())


def _samples(image: PilImage) -> tuple[npt.NDArray[Any], int, bool]:
    """Values (H, W) or (H, W, 3), bits per sample, whether transparency was left out."""
    if image.mode == "F" or image.mode.startswith("I"):
        pixels = np.array(image)
        pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        return pixels, pixels.dtype.itemsize * 8, False
    if image.mode in _ALPHA_MODES:
        alpha = image.getchannel("A" if "A" in image.getbands() else "a")
        transparent = alpha.getextrema() != (255, 255)
        return _without_alpha(image), 8, transparent
    if image.mode == "1":
        return np.array(image).astype(np.uint8), 1, "transparency" in image.info
    transparent = "transparency" in image.info
    if image.mode in {"L", "RGB"}:
        return _array_of(image), 8, transparent
    return _array_of(image, "RGB"), 8, transparent


def _array_of(image: PilImage, mode: str = "") -> npt.NDArray[Any]:
    """The pixels as an array, converted to another mode if one is given.

    Strip by strip: as a whole, PIL would copy a large image twice on the way.
    """
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    out: npt.NDArray[Any] | None = None
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(height, top + rows)))
        values = np.asarray(strip.convert(mode) if mode else strip)
        if out is None:
            out = np.empty((height, *values.shape[1:]), values.dtype)
        out[top : top + rows] = values
    assert out is not None
    return out


def _without_alpha(image: PilImage) -> npt.NDArray[np.uint8]:
    """The values as stored, also where they are transparent."""
    if image.mode == "RGBA":
        return np.ascontiguousarray(np.asarray(image)[..., :3])
    if image.mode == "LA":
        return np.ascontiguousarray(np.asarray(image)[..., 0])
    return np.ascontiguousarray(np.asarray(image.convert("RGBA"))[..., :3])


def _read_deep_png(path: Path, page: int, check: Check) -> LoadedImage:
    """A PNG with 16 bits a sample; PIL would cut colours down to 8 bits."""
    with CheckedFile(path, check) as file, open_image(file) as image:
        bands = len(image.getbands())
        check_size(path, image.size, 2 * bands, path.stat().st_size, _PNG_MOST_PACKED)
        pages = _go_to_page(path, image, page)
        if page:  # OpenCV gives the first frame only
            raise ValueError("frames of 16 bits a sample are not read")
        orientation = orientation_of(image)
        is_grey = image.mode.startswith("I")
        if is_grey:
            image.load()
            pixels = np.array(image).astype(np.uint16, copy=False)
    if not is_grey:
        pixels = _decode_with_opencv(path, check)
    transparent = False
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        transparent = int(pixels[..., 3].min()) < 65535
        pixels = pixels[..., :3]
    return _loaded(pixels, 16, orientation, transparent=transparent, pages=pages, check=check)


def _decode_with_opencv(path: Path, check: Check) -> npt.NDArray[Any]:
    import cv2

    data = np.fromfile(path, np.uint8)
    _check_png_is_whole(data.tobytes())
    check()
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


def _read_jpeg_2000(path: Path, page: int, check: Check) -> LoadedImage:
    """A JPEG 2000; more than 8 bits in colour, which PIL would cut, are read by imagecodecs."""
    bits, components = _jpeg_2000_sizes(path)
    if bits <= 8 or components not in (3, 4):
        return _read_with_pil(path, page, check)
    import imagecodecs

    with open_image(path) as image:
        check_size(path, image.size, 2 * components, path.stat().st_size)
        _go_to_page(path, image, page)
    pixels = np.asarray(imagecodecs.jpeg2k_decode(path.read_bytes()))
    transparent = components == 4 and int(pixels[..., 3].min()) < 2**bits - 1
    return _loaded(pixels[..., :3], 16, 1, transparent=transparent, check=check)


def _jpeg_2000_sizes(path: Path) -> tuple[int, int]:
    """Bits a sample and number of components; (8, 0) if they are not found."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    at = head.find(_JPEG_2000_SIZES)
    if at < 0 or at + 43 > len(head):
        return (8, 0)
    # ISO 15444-1, A.5.1: SIZ's Csiz, then the depth of the first component, less one
    components, depth = struct.unpack_from(">HB", head, at + 40)
    return ((depth & 0x7F) + 1, components)
