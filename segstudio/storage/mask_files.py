"""Read mask files as they are: ids, palette and who wrote them; nothing is interpreted."""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.regular_file import check_regular, is_regular
from segstudio.storage.image_errors import DECODE_ERRORS, TIFF_MAGIC, check_size, unreadable
from segstudio.storage.layout import masks_among
from segstudio.storage.natural_order import natural_order
from segstudio.storage.orientation import orientation_of
from segstudio.storage.pillow import open_image

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

SOFTWARE = "segstudio"
SCORES = "Scores"
"""The tEXt entry of the scores of a PNG's instances."""
_CHECKSUM = "Checksum"
"""The tEXt entry by which a PNG of segstudio's is told from one that was edited elsewhere."""
_PICTURE_CHUNKS = (b"IHDR", b"PLTE", b"IDAT")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Room for the scores of some thousand instances.
_HEADER_BYTES = 1 << 16
_FLAT_PIXELS = 1 << 24
_FLAT_ROWS = 512
_WHITE_IS_ZERO = 0
_INKS = 5
_LOSSY_COMPRESSIONS = frozenset({6, 7, 34892})  # JPEG, old and new, and lossy JPEG of DNG
_ORIENTATION = 274


@dataclass(frozen=True)
class RawMask:
    """A mask file's content.

    Attributes:
        pixels: (H, W) of an integer type, or (H, W, 3) uint8 for a colour image. Of a palette
            image these are the indices, never the colours.
        palette: (n, 3) uint8 of a palette image, the entries that the file has; else None.
        lossy: Whether the format may have changed values (JPEG, lossy WebP).
        alpha: (H, W) uint8 of an image with an opacity channel, else None.
        orientation: The file's own orientation tag, 1..8; `pixels` are as stored.
    """

    pixels: npt.NDArray[Any]
    palette: npt.NDArray[np.uint8] | None = None
    lossy: bool = False
    alpha: npt.NDArray[np.uint8] | None = None
    orientation: int = 1

    @property
    def shape_hw(self) -> tuple[int, int]:
        """(H, W)."""
        return (self.pixels.shape[0], self.pixels.shape[1])


def read_mask_file(path: Path, page: int = 0) -> RawMask:
    """Read a mask, or a folder of masks of one image (`read_object_masks`).

    Args:
        path: PNG, TIFF, BMP, GIF, JPEG or WebP, told by its content.
        page: Which page of a TIFF, from 0; of other files the first frame is read.

    Raises:
        SegstudioError: if it is missing, truncated, empty, too large, no image, or has no such
            page; names the file.
    """
    if path.is_dir():
        return read_object_masks(path)
    check_regular(path)
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head in TIFF_MAGIC:
            return _read_tiff(path, page)
        return _read_with_pil(path)
    except DECODE_ERRORS as error:
        raise unreadable(path, error) from error


def mask_pages(path: Path) -> int:
    """How many pages a mask has: more than one only of a TIFF that holds those of a stack.

    Raises:
        SegstudioError: if it cannot be read.
    """
    if path.is_dir():
        return 1
    check_regular(path)
    try:
        with path.open("rb") as file:
            if file.read(4) not in TIFF_MAGIC:
                return 1
        from segstudio.storage.tiff import frame_count

        return frame_count(path)
    except DECODE_ERRORS as error:
        raise unreadable(path, error) from error


def pages_in(path: Path) -> int:
    """The same as `mask_pages`; 1 of a file that cannot be read, which is said when it is read."""
    try:
        return mask_pages(path)
    except SegstudioError:
        return 1


def read_object_masks(folder: Path) -> RawMask:
    """Read a folder of masks of one image, one object a file: ids 1, 2, ... in natural order.

    What is not black in a file is its object; where objects overlap, the later one lies on top.
    What segstudio wrote there is passed over.

    Returns:
        Instance ids, (H, W) uint16.

    Raises:
        SegstudioError: if the folder or one of them cannot be read, one has another size than the
            first, or there are none or more than 65535.
    """
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.is_file() and not e.name.startswith(".")]
    except OSError as error:
        raise SegstudioError(
            f"The folder of masks {folder} cannot be read ({error.strerror or error}).",
            "Check that it is there and that you may read it.",
        ) from error
    paths = [folder / name for name in natural_order(masks_among(names))]
    paths = [path for path in paths if not is_output(path)]
    if not 1 <= len(paths) <= 65535:
        raise SegstudioError(
            f"{folder} has {len(paths)} masks.", "It needs one an object, 65535 at most."
        )
    ids: npt.NDArray[np.uint16] | None = None
    for number, path in enumerate(paths, 1):
        pixels = read_mask_file(path).pixels
        flat = pixels.max(axis=2) if pixels.ndim == 3 else pixels
        if ids is None:
            ids = np.zeros(flat.shape, np.uint16)
        if flat.shape != ids.shape:
            raise SegstudioError(
                f"The mask {path} is {flat.shape[1]} x {flat.shape[0]} pixels, but {paths[0]} "
                f"is {ids.shape[1]} x {ids.shape[0]}.",
                "All masks of one image must have its size.",
            )
        ids[flat > (int(flat.max()) // 2)] = number
    assert ids is not None
    return RawMask(ids)


def png_texts(path: Path) -> dict[str, str]:
    """The tEXt entries before a PNG's pixels, without decoding it; empty if it is no PNG."""
    if not is_regular(path):
        return {}
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except OSError:
        return {}
    texts: dict[str, str] = {}
    if not head.startswith(_PNG_SIGNATURE):
        return texts
    at = len(_PNG_SIGNATURE)
    while at + 8 <= len(head):
        length, kind = struct.unpack_from(">I4s", head, at)
        if kind == b"IDAT":
            break
        if kind == b"tEXt" and at + 8 + length <= len(head):
            key, _, value = head[at + 8 : at + 8 + length].partition(b"\0")
            texts[key.decode("latin-1")] = value.decode("latin-1")
        at += 12 + length
    return texts


def is_output(path: Path) -> bool:
    """Whether segstudio wrote a PNG: an annotation, an export, a prediction, a sheet."""
    return png_texts(path).get("Software", "").partition(" ")[0] == SOFTWARE


def instance_scores(path: Path) -> npt.NDArray[np.float32] | None:
    """How sure a model was of the instances 1, 2, ... of a PNG, (n,) float32, or None if unsaid."""
    text = png_texts(path).get(SCORES, "")
    try:
        found = np.array([float(word) for word in text.split()], np.float32)
    except ValueError:
        return None
    return found if found.size else None


def written_by_segstudio(path: Path) -> bool:
    """Whether a PNG says that segstudio wrote it, and its picture is still the one written.

    Other programs keep the entry when they write the file again.
    """
    texts = png_texts(path)
    if texts.get("Software") != SOFTWARE:
        return False
    said = texts.get(_CHECKSUM)
    try:
        with path.open("rb") as file:
            return said is None or said == _checksum(file)
    except OSError:
        return False


def with_checksum(png: bytes) -> bytes:
    """A PNG with an entry that `written_by_segstudio` compares with its picture."""
    text = f"{_CHECKSUM}\0{_checksum(io.BytesIO(png))}".encode("latin-1")
    kind = b"tEXt" + text
    chunk = struct.pack(">I", len(text)) + kind + struct.pack(">I", zlib.crc32(kind))
    at = len(_PNG_SIGNATURE) + 25  # after the header
    return png[:at] + chunk + png[at:]


def _checksum(file: BinaryIO) -> str:
    """Of the checksums that a PNG's chunks have anyway, so that no pixel is read."""
    total = 0
    file.seek(len(_PNG_SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        file.seek(length, os.SEEK_CUR)
        own = file.read(4)
        if kind in _PICTURE_CHUNKS:
            total = zlib.crc32(own, total)
    return f"{total:08x}"


def flatness(path: Path) -> tuple[float, tuple[int, int]] | None:
    """The share of pixels that are like their right neighbour, 0 to 1: high in masks.

    Returns:
        The share and the size, (H, W); None for what cannot be read.
    """
    try:
        raw = read_mask_file(path)
    except SegstudioError:
        return None
    pixels = raw.pixels[:_FLAT_ROWS] if raw.pixels.size > _FLAT_PIXELS else raw.pixels
    same = pixels[:, 1:] == pixels[:, :-1]
    if same.size == 0:
        return None
    share = float((same.all(axis=2) if same.ndim == 3 else same).mean())
    return share, raw.shape_hw


def _read_with_pil(path: Path) -> RawMask:
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


def _read_tiff(path: Path, number: int) -> RawMask:
    from segstudio.storage.tiff import is_undecoded_ycbcr, rgb_of_ycbcr, stored_frame

    with stored_frame(path, number) as (page, pixels):
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
    return (pixels >> 8 if wide else pixels).astype(np.uint8)


def _whole_numbers(path: Path, pixels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    if not np.isfinite(pixels).all() or (pixels != np.rint(pixels)).any():
        raise SegstudioError(
            f"The mask {path} holds fractions, so it is not a map of class ids.",
            "Save it with whole numbers (8 or 16 bit).",
        )
    return pixels.astype(np.int64)
