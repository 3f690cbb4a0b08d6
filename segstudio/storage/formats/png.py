"""PNG: label maps as files, seven ways, and what segstudio writes into its own files.

Each file is read again after it was written, which proves it right.
"""

from __future__ import annotations

import io
import os
import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image, InstanceIds, Labels
from segstudio.core.regular_file import is_regular
from segstudio.core.schema import LabelSchema
from segstudio.storage.formats.mask_format import ExportFile, MaskContent, MaskFormat
from segstudio.storage.formats.raster import read_image_mask
from segstudio.storage.panoptic_results import (
    PANOPTIC_NAME,
    PanopticResults,
    colours_of,
    segment_ids,
)

SOFTWARE = "segstudio"
SCORES = "Scores"
"""The tEXt entry of the scores of a PNG's instances."""
_EXPORT = "segstudio export"
_CHECKSUM = "Checksum"
"""The tEXt entry by which a PNG of segstudio's is told from one that was edited elsewhere."""
_PICTURE_CHUNKS = (b"IHDR", b"PLTE", b"IDAT")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Room for the scores of some thousand instances.
_HEADER_BYTES = 1 << 16
_COMPRESS_LEVEL = 1  # masks are flat: higher levels take longer and save little


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


def encode_index_png(
    labels: Labels,
    palette: npt.NDArray[np.uint8] | None = None,
    software: str = SOFTWARE,
    source: str = "",
    texts: Mapping[str, str] | None = None,
) -> bytes:
    """An 8-bit PNG whose pixel values are class ids.

    Args:
        labels: (H, W) uint8.
        palette: (256, 3) uint8 colours by id; None writes plain grey.
        software: The tEXt entry Software; left out if empty.
        source: The tEXt entry Source (name of the image); left out if empty.
        texts: Further tEXt entries.
    """
    from PIL import Image as pil

    image = pil.fromarray(np.ascontiguousarray(labels))
    if palette is not None:
        image.putpalette(np.ascontiguousarray(palette, np.uint8).tobytes(), "RGB")
    return _png_bytes(image, software, source, texts)


def encode_instance_png(
    instances: InstanceIds,
    software: str = SOFTWARE,
    source: str = "",
    scores: Iterable[float] = (),
) -> bytes:
    """A 16-bit grey PNG of instance ids.

    Args:
        instances: (H, W) uint16.
        software: The tEXt entry Software; left out if empty.
        source: The tEXt entry Source (name of the image); left out if empty.
        scores: How sure a model is of the instances 1, 2, ...; `instance_scores` reads them.
    """
    from PIL import Image as pil

    # Nine digits are enough to get the same float32 back.
    texts = {SCORES: " ".join(f"{score:.9g}" for score in scores)}
    return _png_bytes(pil.fromarray(np.ascontiguousarray(instances)), software, source, texts)


def encode_rgb_png(pixels: Image, software: str = SOFTWARE) -> bytes:
    """A PNG of colours, (H, W, 3) uint8."""
    from PIL import Image as pil

    return _png_bytes(pil.fromarray(np.ascontiguousarray(pixels)), software, "")


def _png_bytes(
    image: object, software: str, source: str, further: Mapping[str, str] | None = None
) -> bytes:
    from PIL import Image as pil
    from PIL.PngImagePlugin import PngInfo

    assert isinstance(image, pil.Image)
    texts = PngInfo()
    for key, value in {"Software": software, "Source": source, **(further or {})}.items():
        if value:
            texts.add_text(key, value)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=_COMPRESS_LEVEL, pnginfo=texts)
    png = buffer.getvalue()
    return with_checksum(png) if software == SOFTWARE else png


def index_image(stem: str, labels: Labels) -> ExportFile:
    """Grey values are class ids: `<stem>.png`."""
    return _file(f"{stem}.png", labels)


def palette_image(stem: str, labels: Labels, schema: LabelSchema) -> ExportFile:
    """Palette indices are class ids, shown in the classes' colours: `<stem>.png`."""
    return _file(f"{stem}.png", labels, schema.palette())


def color_image(stem: str, labels: Labels, schema: LabelSchema) -> ExportFile:
    """Every pixel has its class's colour: `<stem>.png`.

    Raises:
        SegstudioError: if two classes in the label map have the same colour, so that the file
            could not be read back.
    """
    palette = schema.palette()
    present = np.flatnonzero(np.bincount(labels.reshape(-1), minlength=256))
    by_color: dict[tuple[int, ...], int] = {}
    for class_id in (int(i) for i in present):
        color = tuple(int(v) for v in palette[class_id])
        other = by_color.setdefault(color, class_id)
        if other != class_id:
            raise SegstudioError(
                f"{schema.name_of(other)} and {schema.name_of(class_id)} have the same colour, "
                f"so {stem}.png could not be read back.",
                "Give them different colours, or export class ids.",
            )
    return _file(f"{stem}.png", palette[labels])


def overlay_image(stem: str, overlay: Image) -> ExportFile:
    """The photo with the masks drawn over it, (H, W, 3) uint8: `<stem>.png`."""
    return _file(f"{stem}.png", overlay)


def binary_images(stem: str, labels: Labels, schema: LabelSchema) -> list[ExportFile]:
    """One file for each class of the schema but background: 255 where the class is, else 0.

    Files are called `<stem>_<class name>.png`, with the id where names would clash.
    """
    names = [_file_part(schema.name_of(i)) for i in schema.scored_ids]
    images = []
    for class_id, name in zip(schema.scored_ids, names, strict=True):
        if class_id == 0:
            continue
        # Some systems do not tell "Cell" from "cell" in file names.
        is_unique = sum(other.casefold() == name.casefold() for other in names) == 1
        unique = name if is_unique and name else f"{name or 'class'}_{class_id}"
        pixels = np.where(labels == class_id, np.uint8(255), np.uint8(0))
        images.append(_file(f"{stem}_{unique}.png", pixels))
    return images


def instance_image(stem: str, instances: InstanceIds) -> ExportFile:
    """Grey values of 16 bits are instance ids: `<stem>.png`."""
    return _file(f"{stem}.png", instances)


def _file_part(name: str) -> str:
    """A class name as part of a file name on every system."""
    return re.sub(r"[^\w-]+", "-", name).strip("-")[:60]


def _file(
    name: str, pixels: npt.NDArray[Any], palette: npt.NDArray[np.uint8] | None = None
) -> ExportFile:
    return ExportFile(name, pixels, _encode, read_image_mask, palette)


def _encode(file: ExportFile) -> bytes:
    if file.pixels.ndim == 3:
        return encode_rgb_png(file.pixels, _EXPORT)
    if file.pixels.dtype == np.uint16:
        return encode_instance_png(file.pixels, _EXPORT)
    return encode_index_png(file.pixels, file.palette, _EXPORT)


def _binary_names(stem: str, _form: MaskFormat, schema: LabelSchema) -> list[str]:
    nothing = np.zeros((1, 1), np.uint8)
    return [file.name for file in binary_images(stem, nothing, schema)]


def _instance_image(stem: str, content: MaskContent) -> list[ExportFile]:
    assert content.instances is not None
    return [instance_image(stem, content.instances)]


def _panoptic_image(stem: str, content: MaskContent) -> list[ExportFile]:
    ids = segment_ids(content.labels, content.instances, content.schema)
    return [_file(f"{stem}.png", colours_of(ids))]


_PNG = (".png",)
EXPORTS = (
    MaskFormat(
        "index", "Class ids as grey values", _PNG,
        tip="8-bit PNG: pixel value = class id; looks almost black",
        values="grey value = class id",
        write=lambda stem, c: [index_image(stem, c.labels)],
    ),
    MaskFormat(
        "palette", "Indexed with palette", _PNG,
        tip="8-bit PNG: pixel value = class id, seen in its colour",
        values="palette index = class id",
        write=lambda stem, c: [palette_image(stem, c.labels, c.schema)],
    ),
    MaskFormat(
        "color", "Colours", _PNG,
        tip="RGB PNG: every pixel has its class's colour",
        values="colour = class",
        write=lambda stem, c: [color_image(stem, c.labels, c.schema)],
    ),
    MaskFormat(
        "overlay", "Overlay on the photo", _PNG, holds="picture",
        tip="RGB PNG: the masks drawn over the photo as you see them",
        values="photo with the classes' colours blended over it; not for training",
        write=lambda stem, c: [overlay_image(stem, c.picture())],
    ),
    MaskFormat(
        "binary", "One mask for each class", _PNG,
        tip="8-bit PNG a class: 255 is the class, 0 is not",
        values="255 = the class named by the file, 0 = anything else",
        write=lambda stem, c: binary_images(stem, c.labels, c.schema),
        names=_binary_names,
    ),
    MaskFormat(
        "instances", "Instance ids, 16 bit", _PNG, holds="instances",
        tip="16-bit PNG: pixel value = number of the object",
        values="grey value (16 bit) = instance id, 0 = none",
        write=_instance_image,
    ),
    MaskFormat(
        PANOPTIC_NAME, "COCO panoptic", _PNG, holds="instances",
        tip="RGB PNG: colour = id of the segment, which panoptic.json explains",
        lacks="It has no place for scores, nor for what one object hides of another.",
        values="R + 256 G + 65536 B = id of the segment in panoptic.json, 0 = unlabelled",
        write=_panoptic_image,
        listing=PanopticResults.at,
    ),
)  # fmt: skip
"""The seven ways; rows of `mask_files.FORMATS`."""
