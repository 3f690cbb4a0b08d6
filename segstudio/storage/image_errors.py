"""What can go wrong while an image file is decoded, as messages that name the file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import bytes_text

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


def unreadable(path: Path, error: BaseException) -> SegstudioError:
    """The message for a file that could not be decoded."""
    if isinstance(error, FileNotFoundError):
        return SegstudioError(
            f"{path} is not there any more.",
            "It may have been moved or renamed; rescan the folder.",
        )
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
    reason = (str(error).splitlines() or [""])[0].strip().rstrip(".")
    if "cannot identify" in reason or not reason:
        reason = "it is not an image of a known format, or its beginning is damaged"
    return SegstudioError(
        f"{path} cannot be read: {reason}.",
        "The file may be cut off or damaged; copy it again from where it came.",
    )
