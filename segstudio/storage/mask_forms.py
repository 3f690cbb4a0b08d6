"""Mask files rewritten in the form in which they are: other values, everything else as it was.

A form is what a file is besides its pixels' values: format, bits and channels, palette, tags,
pages. `NativeMask.open` gives the values as they are stored, `NativeMask.with_values` the file
with other ones.
"""

from __future__ import annotations

import io
import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError

Values = npt.NDArray[Any]
"""(H, W) or (H, W, channels), as stored."""

_PNG = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_LEVEL = 1  # masks are flat: higher levels take longer and save little


class CannotHold(SegstudioError):
    """A form has no room for an edit; the message says why, with the file's name left out."""


class NativeMask(ABC):
    """A mask file's stored values and its form.

    Attributes:
        values: As stored: (H, W) of an integer type, or (H, W, 3 or 4) uint8.
        palette: (n, 3) uint8 colours of the values, or None.
        highest: The highest value that can be stored.
    """

    values: Values
    palette: npt.NDArray[np.uint8] | None
    highest: int

    @staticmethod
    def open(content: bytes) -> NativeMask:
        """Look at a file.

        Raises:
            CannotHold: if the form loses or mixes values: JPEG, soft transparency, animations.
        """
        if content.startswith(_PNG):
            return _Png.read(content)
        if content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return _Tiff.read(content)
        if content.startswith((b"BM", b"GIF8")):
            return _Plain.read(content)
        if content.startswith(b"\xff\xd8"):
            raise CannotHold("JPEG does not keep values as they are")
        raise CannotHold("this kind of file is only read")

    @abstractmethod
    def with_values(self, values: Values, colors: npt.NDArray[np.uint8] | None = None) -> bytes:
        """The file with other values of the same shape and type.

        Args:
            values: What is stored instead.
            colors: (256, 3) uint8: colours for values that the palette has no entry for.

        Raises:
            CannotHold: if it cannot be written.
        """


@dataclass(frozen=True)
class _Chunk:
    kind: bytes
    data: bytes

    @property
    def encoded(self) -> bytes:
        checksum = zlib.crc32(self.kind + self.data)
        return (
            struct.pack(">I", len(self.data)) + self.kind + self.data + struct.pack(">I", checksum)
        )


@dataclass(frozen=True, eq=False)
class _Png(NativeMask):
    values: Values
    palette: npt.NDArray[np.uint8] | None
    highest: int
    bits: int
    chunks: tuple[_Chunk, ...]

    @classmethod
    def read(cls, content: bytes) -> _Png:
        chunks = tuple(_chunks_of(content))
        header = chunks[0].data
        bits, color_type = header[8], header[9]
        if any(chunk.kind == b"acTL" for chunk in chunks):
            raise CannotHold("it is an animation")
        if bits == 16 and color_type != 0:
            raise CannotHold("it has 16 bits a colour")
        values = _png_values(content, bits, _CHANNELS[color_type])
        if color_type in (4, 6) and (values[..., -1] != 255).any():
            raise CannotHold("it is partly transparent")
        palette = None
        if color_type == 3:
            table = next((c.data for c in chunks if c.kind == b"PLTE"), b"")
            palette = np.frombuffer(table, np.uint8).reshape(-1, 3)
        return cls(values, palette, (1 << bits) - 1, bits, chunks)

    def with_values(self, values: Values, colors: npt.NDArray[np.uint8] | None = None) -> bytes:
        header = self.chunks[0].data[:12] + b"\0"  # not interlaced
        packed = _packed_rows(values, self.bits)
        rows = np.zeros((packed.shape[0], packed.shape[1] + 1), np.uint8)
        rows[:, 1:] = packed
        pixels = _Chunk(b"IDAT", zlib.compress(rows.tobytes(), _LEVEL))
        written = [_Chunk(b"IHDR", header)]
        for chunk in self.chunks[1:]:
            if chunk.kind == b"PLTE" and self.palette is not None:
                chunk = replace(chunk, data=_longer(self.palette, values, colors).tobytes())
            if chunk.kind != b"IDAT":
                written.append(chunk)
            elif pixels not in written:
                written.append(pixels)
        return _PNG + b"".join(chunk.encoded for chunk in written)


def _chunks_of(content: bytes) -> Iterator[_Chunk]:
    at = len(_PNG)
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        yield _Chunk(kind, content[at + 8 : at + 8 + length])
        at += 12 + length


def _png_values(content: bytes, bits: int, channels: int) -> Values:
    from PIL import Image as pil

    with pil.open(io.BytesIO(content)) as image:
        values = np.array(image)
    if channels == 1 and bits in (2, 4) and image.mode == "L":
        values = values // np.uint8(255 // (2**bits - 1))  # PIL stretches them
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    if bits == 16:
        values = values.astype(np.uint16)
    found = values.shape[2] if values.ndim == 3 else 1
    if found != channels:
        raise CannotHold("its channels cannot be told apart")
    return values


def _packed_rows(values: Values, bits: int) -> npt.NDArray[np.uint8]:
    """(H, bytes a row) uint8."""
    if bits == 16:
        wide = np.ascontiguousarray(values.astype(">u2"))
        return wide.view(np.uint8).reshape(values.shape[0], -1)
    rows = np.ascontiguousarray(values.astype(np.uint8)).reshape(values.shape[0], -1)
    if bits == 8:
        return rows
    places = np.arange(bits - 1, -1, -1, dtype=np.uint8)
    spread = (rows[..., np.newaxis] >> places) & np.uint8(1)
    return np.packbits(spread.reshape(rows.shape[0], -1), axis=1)


def _longer(
    palette: npt.NDArray[np.uint8], values: Values, colors: npt.NDArray[np.uint8] | None
) -> npt.NDArray[np.uint8]:
    """The palette with entries up to the highest value."""
    missing = int(values.max(initial=0)) + 1 - len(palette)
    if missing <= 0:
        return palette
    if colors is None:
        raise CannotHold("its palette has no colour for the new value")
    return np.concatenate([palette, colors[len(palette) : len(palette) + missing]])


@dataclass(frozen=True, eq=False)
class _Tiff(NativeMask):
    values: Values
    palette: npt.NDArray[np.uint8] | None
    highest: int
    content: bytes

    @classmethod
    def read(cls, content: bytes) -> _Tiff:
        import tifffile

        try:
            with tifffile.TiffFile(io.BytesIO(content)) as tiff:
                page: Any = tiff.pages[0]
                values = np.asarray(page.asarray())
                bits = int(np.max(page.bitspersample))
                palette = None
                if page.colormap is not None:
                    palette = (np.asarray(page.colormap).T >> 8).astype(np.uint8)
                lossy = page.compression.name in {
                    "JPEG",
                    "OJPEG",
                    "WEBP",
                    "JPEGXL",
                    "APERIO_JP2000_RGB",
                }
                other = {"SEPARATED": "inks (CMYK)", "YCBCR": "luma and chroma (YCbCr)"}
                inks = other.get(page.photometric.name)
                apart = values.ndim == 3 and int(page.planarconfig) != 1
        except (ValueError, KeyError, AttributeError, RuntimeError) as error:
            raise CannotHold("its TIFF cannot be written again") from error
        if lossy:
            raise CannotHold("its TIFF is compressed with losses")
        if inks or apart:
            held = f"{inks}, not colours" if inks else "its planes apart"
            raise CannotHold(f"its TIFF holds {held}")
        if values.dtype.kind == "f":
            return cls(values, palette, 65535, content)
        if values.dtype == np.bool_:
            return cls(values.astype(np.uint8), palette, 1, content)
        if values.dtype.kind not in "ui" or values.ndim > 3:
            raise CannotHold("its TIFF holds something else than whole numbers")
        top = (1 << bits) - 1 if values.dtype.kind == "u" else int(np.iinfo(values.dtype).max)
        return cls(values, palette, top, content)

    def with_values(self, values: Values, colors: npt.NDArray[np.uint8] | None = None) -> bytes:
        if self.palette is not None and int(values.max(initial=0)) >= len(self.palette):
            raise CannotHold("its palette has no colour for the new value")
        try:
            return _with_page(self.content, values)
        except (ValueError, KeyError, AttributeError, RuntimeError, struct.error) as error:
            raise CannotHold("its TIFF cannot be written again") from error


def _with_page(content: bytes, values: Values) -> bytes:
    """A TIFF with another first page: its pixels lie where they lay, or at the end if compressed."""
    import tifffile

    file = io.BytesIO(content)
    with tifffile.TiffFile(file, mode="r+") as tiff:
        page: Any = tiff.pages[0]
        strips, sizes, compression, rows = _encoded_page(page, tiff.byteorder, values)
        plain = int(page.compression) == 1 and int(page.fillorder) == 1
        if plain and sizes == list(page.databytecounts):
            # Other pages may be found by counting on from the first one, so it stays there.
            for at, strip in zip(page.dataoffsets, strips, strict=True):
                file.seek(at)
                file.write(strip)
            return file.getvalue()
        offsets = _added(file, strips)
        tiled = 324 in page.tags
        changes = {
            324 if tiled else 273: offsets,
            325 if tiled else 279: tuple(sizes),
            259: compression,
            **({} if tiled else {278: rows}),
            317: 1,  # no predictor
            266: 1,  # the highest bit first
        }
        if not {259, 324 if tiled else 273, 325 if tiled else 279} <= {t.code for t in page.tags}:
            raise CannotHold("its TIFF lacks the tags to write it again")
        for code, value in changes.items():
            if code in page.tags:
                page.tags[code].overwrite(value)
    return file.getvalue()


def _added(file: io.BytesIO, strips: list[bytes]) -> tuple[int, ...]:
    """Add strips at the end of a file, at even places; gives these."""
    file.seek(0, io.SEEK_END)
    offsets = []
    for strip in strips:
        file.write(b"\0" * (file.tell() % 2))
        offsets.append(file.tell())
        file.write(strip)
    return tuple(offsets)


def _encoded_page(
    page: Any, byteorder: str, values: Values
) -> tuple[list[bytes], list[int], int, int]:
    """The strips or tiles of a page with other values, as tifffile writes them."""
    import tifffile

    bilevel = int(np.max(page.bitspersample)) == 1
    options: dict[str, Any] = {"compression": None if int(page.compression) == 1 else "zlib"}
    if page.is_tiled:
        options["tile"] = (page.tilelength, page.tilewidth)
    elif options["compression"] is None and page.rowsperstrip:
        options["rowsperstrip"] = min(int(page.rowsperstrip), values.shape[0])
    if not bilevel and int(np.max(page.bitspersample)) not in (8, 16, 32, 64):
        options["bitspersample"] = int(np.max(page.bitspersample))
    photometric = "rgb" if values.ndim == 3 and values.shape[2] >= 3 else "minisblack"
    made = io.BytesIO()
    with tifffile.TiffWriter(made, byteorder=byteorder, bigtiff=False) as writer:  # type: ignore[arg-type]
        writer.write(
            values.astype(np.bool_) if bilevel else values,
            photometric=photometric,
            planarconfig="contig" if values.ndim == 3 else None,
            metadata=None,
            **options,
        )
    data = made.getvalue()
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        found: Any = tiff.pages[0]
        places = list(zip(found.dataoffsets, found.databytecounts, strict=True))
        compression = int(found.compression)
        rows = int(found.rowsperstrip or values.shape[0])
    strips = [data[at : at + size] for at, size in places]
    return strips, [len(strip) for strip in strips], compression, rows


@dataclass(frozen=True, eq=False)
class _Plain(NativeMask):
    """BMP and GIF, as PIL writes them."""

    values: Values
    palette: npt.NDArray[np.uint8] | None
    highest: int
    format: str
    mode: str
    colors: bytes
    info: dict[str, Any]

    @classmethod
    def read(cls, content: bytes) -> _Plain:
        from PIL import Image as pil

        with pil.open(io.BytesIO(content)) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise CannotHold("it is an animation")
            image.load()
            if image.mode not in {"1", "L", "P", "RGB"}:
                raise CannotHold("it is partly transparent")
            values = np.array(image)
            colors = bytes(image.getpalette("RGB") or b"") if image.mode == "P" else b""
            kept: dict[str, Any] = {
                key: image.info[key] for key in ("dpi", "transparency") if key in image.info
            }
            name, mode = str(image.format), image.mode
        palette = np.frombuffer(colors, np.uint8).reshape(-1, 3) if colors else None
        highest = 1 if mode == "1" else 255
        return cls(values.astype(np.uint8), palette, highest, name, mode, colors, kept)

    def with_values(self, values: Values, colors: npt.NDArray[np.uint8] | None = None) -> bytes:
        from PIL import Image as pil

        if self.mode == "1":
            image = pil.fromarray(values.astype(np.bool_))
        else:
            image = pil.fromarray(np.ascontiguousarray(values, np.uint8))
        if self.palette is not None:
            image.putpalette(_longer(self.palette, values, colors).tobytes(), "RGB")
        buffer = io.BytesIO()
        more = {"optimize": False} if self.format == "GIF" else {}
        image.save(buffer, self.format, **self.info, **more)
        return buffer.getvalue()
