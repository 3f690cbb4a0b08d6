"""What can go wrong while an image file is decoded, as messages that name the file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import bytes_text
from segstudio.core.text import printable
from segstudio.storage.layout import IMAGE_KINDS

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""What TIFF files begin with, the large ones (BigTIFF) too; the name does not decide."""

MAX_PIXELS = 500_000_000
"""Larger images are refused: pixels and label maps of one would need several GB."""

MAX_BYTES = 2 << 30
"""So many bytes may the samples of one page take when decoded."""

_PLAUSIBLE_BYTES = 64 << 20
"""Below this nobody asks whether a file can hold what its header says."""

DECODE_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, EOFError, LookupError, MemoryError, RuntimeError,
    AttributeError, ArithmeticError, AssertionError, struct.error, zlib.error,
)  # fmt: skip
"""What PIL, tifffile and imagecodecs raise for damaged files."""


def check_size(
    path: Path,
    size_wh: tuple[int, int],
    pixel_bytes: float = 3,
    stored_bytes: int | None = None,
    most_packed: int = 10_000,
) -> None:
    """Refuse sizes that cannot be worked with, before anything is decoded.

    Args:
        path: The file.
        size_wh: Width and height by its header.
        pixel_bytes: Bytes of all samples of a pixel when decoded.
        stored_bytes: Bytes of the file that hold them, packed; None if that is not known.
        most_packed: To how many bytes one byte of the file can be unpacked.

    Raises:
        SegstudioError: if the header says more than `MAX_PIXELS` or `MAX_BYTES`, or nothing, or
            far more than the file can hold.
    """
    width, height = size_wh
    if width < 1 or height < 1:
        raise SegstudioError(f"{path} has no pixels ({width} x {height}).", "Save it again.")
    hint = "Cut it into parts, or check whether the file is damaged."
    if width * height > MAX_PIXELS:
        raise SegstudioError(
            f"{path} is {width} x {height} pixels by its header; segstudio opens up to "
            f"{MAX_PIXELS // 1_000_000} million pixels.",
            hint,
        )
    needed = round(width * height * pixel_bytes)
    if needed > MAX_BYTES:
        raise SegstudioError(
            f"{path} is {width} x {height} pixels of {pixel_bytes:g} bytes by its header, "
            f"{bytes_text(needed)} in all; segstudio opens up to {bytes_text(MAX_BYTES)}.",
            hint,
        )
    if stored_bytes is None or needed <= _PLAUSIBLE_BYTES:
        return
    if needed > stored_bytes * most_packed:
        raise SegstudioError(
            f"{path} is {width} x {height} pixels by its header, but holds only {stored_bytes} "
            "bytes of them.",
            "The file is cut off or damaged; copy it again from where it came.",
        )


_SAVE = f"segstudio reads {IMAGE_KINDS}; save it as one of them."
_UNPACK = "Unpack it first."
_OTHER_KINDS = (
    (4, (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypheim", b"ftypmif1", b"ftypmsf1"),
     "a HEIC image", _SAVE),
    (4, (b"ftypcrx ",), "a camera's raw file", _SAVE),
    (0, (b"\xff\x0a", b"\0\0\0\x0cJXL "), "a JPEG XL image", _SAVE),
    (0, (b"8BPS",), "a Photoshop file", _SAVE),
    (0, (b"%PDF",), "a PDF document", _SAVE),
    (128, (b"DICM",), "a DICOM file", _SAVE),
    (0, (b"\x1f\x8b",), "a file compressed with gzip", _UNPACK),
    (0, (b"PK\3\4",), "a ZIP archive", _UNPACK),
    (0, (b"version https://git-lfs",), "a pointer of Git LFS", "Fetch the file: git lfs pull"),
    (0, (b"<!DOCTYPE html", b"<!doctype html", b"<html"), "a web page",
     "Its download needs a login or another address; download it again."),
)  # fmt: skip
"""Where and how files begin that are often called as images are; what they are; what to do."""


def _of_other_kind(path: Path) -> tuple[str, str]:
    """What a file is that is no image of a known kind, and what to do; "" if it is not known."""
    try:
        with path.open("rb") as file:
            head = file.read(160)
    except OSError:
        return "", ""
    found = (row[2:] for row in _OTHER_KINDS if head[row[0] :].startswith(row[1]))
    return next(found, ("", ""))


def _missing(path: Path) -> SegstudioError:
    if path.is_symlink():
        return SegstudioError(
            f"{path} is a link to {printable(str(path.readlink()))}, which is not there.",
            "Put the file there, or remove the link; then rescan the folder.",
        )
    return SegstudioError(
        f"{path} is not there any more.",
        "It may have been moved or renamed; rescan the folder.",
    )


def unreadable(path: Path, error: BaseException) -> SegstudioError:
    """The message for a file that could not be decoded."""
    if isinstance(error, FileNotFoundError):
        return _missing(path)
    if isinstance(error, PermissionError):
        return SegstudioError(f"You may not read {path}.", "Change the file's permissions.")
    if isinstance(error, MemoryError):
        return SegstudioError(
            f"There is not enough memory to open {path}.", "Close other programs or images."
        )
    try:
        size = path.stat().st_size
    except OSError:
        size = -1
    if size == 0:
        return SegstudioError(f"{path} is empty (0 bytes).", "Copy it again from where it came.")
    kind, hint = _of_other_kind(path)
    if kind:
        return SegstudioError(f"{path} is {kind}, whatever its name says.", hint)
    reason = (str(error).splitlines() or [""])[0].strip().rstrip(".")
    if "cannot identify" in reason or not reason:
        reason = "it is not an image of a known format, or its beginning is damaged"
    return SegstudioError(
        f"{path} cannot be read: {reason}.",
        "The file may be cut off or damaged; copy it again from where it came.",
    )
