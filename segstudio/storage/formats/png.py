"""Label maps as PNG files, six ways, each with the reader that proves the file right."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image, InstanceIds, Labels
from segstudio.core.schema import LabelSchema
from segstudio.core.text import utf8_json
from segstudio.storage.atomic import make_folder
from segstudio.storage.mask_files import read_mask_file
from segstudio.storage.masks import encode_index_png, encode_instance_png, encode_rgb_png
from segstudio.storage.write_root import WriteRoot

How = Literal["index", "palette", "color", "overlay", "binary", "instances"]
HOWS: tuple[How, ...] = ("index", "palette", "color", "overlay", "binary", "instances")
CLASSES_NAME = "classes.json"
_SOFTWARE = "segstudio export"


@dataclass(frozen=True)
class ExportImage:
    """One file to write.

    Attributes:
        name: File name.
        how: The form.
        pixels: What the file must hold: (H, W) uint8 or uint16, or (H, W, 3) uint8 RGB.
        palette: (256, 3) uint8, for "palette".
    """

    name: str
    how: How
    pixels: npt.NDArray[Any]
    palette: npt.NDArray[np.uint8] | None = None


def index_image(stem: str, labels: Labels) -> ExportImage:
    """Grey values are class ids: `<stem>.png`."""
    return ExportImage(f"{stem}.png", "index", labels)


def palette_image(stem: str, labels: Labels, schema: LabelSchema) -> ExportImage:
    """Palette indices are class ids, shown in the classes' colours: `<stem>.png`."""
    return ExportImage(f"{stem}.png", "palette", labels, schema.palette())


def color_image(stem: str, labels: Labels, schema: LabelSchema) -> ExportImage:
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
    return ExportImage(f"{stem}.png", "color", palette[labels])


def overlay_image(stem: str, overlay: Image) -> ExportImage:
    """The photo with the masks drawn over it, (H, W, 3) uint8: `<stem>.png`."""
    return ExportImage(f"{stem}.png", "overlay", overlay)


def binary_images(stem: str, labels: Labels, schema: LabelSchema) -> list[ExportImage]:
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
        images.append(ExportImage(f"{stem}_{unique}.png", "binary", pixels))
    return images


def instance_image(stem: str, instances: InstanceIds) -> ExportImage:
    """Grey values of 16 bits are instance ids: `<stem>.png`."""
    return ExportImage(f"{stem}.png", "instances", instances)


def file_names(how: How, stem: str, schema: LabelSchema) -> list[str]:
    """What an image's files are called in a form."""
    if how != "binary":
        return [f"{stem}.png"]
    nothing = np.zeros((1, 1), np.uint8)
    return [image.name for image in binary_images(stem, nothing, schema)]


def encode(image: ExportImage) -> bytes:
    """The PNG file of an image."""
    if image.how == "instances":
        return encode_instance_png(image.pixels, _SOFTWARE)
    if image.pixels.ndim == 3:
        return encode_rgb_png(image.pixels, _SOFTWARE)
    return encode_index_png(image.pixels, image.palette, _SOFTWARE)


def write_verified(folder: Path, image: ExportImage, root: WriteRoot | None = None) -> Path:
    """Write a file, read it again and compare every pixel (and the palette).

    Args:
        folder: Where; made if missing.
        image: What.
        root: The folder that is not left through links; `folder` itself if not given.

    Returns:
        The file.

    Raises:
        SegstudioError: if it cannot be written, or what is read differs; it is deleted then.
    """
    path = folder / image.name
    if root is None:
        make_folder(folder)
        root = WriteRoot(folder)
    root.make_folder(path.parent)
    root.write(path, encode(image), durable=False)
    try:
        verify(path, image)
    except SegstudioError:
        path.unlink(missing_ok=True)
        raise
    return path


def verify(path: Path, image: ExportImage) -> None:
    """Read a written file and compare it bit for bit.

    Raises:
        SegstudioError: if anything differs.
    """
    found = read_mask_file(path)
    same = (
        found.pixels.dtype == image.pixels.dtype
        and found.pixels.shape == image.pixels.shape
        and np.array_equal(found.pixels, image.pixels)
    )
    if same and image.palette is not None:
        same = found.palette is not None and np.array_equal(found.palette, image.palette)
    if not same:
        raise SegstudioError(
            f"{path} was written, but reading it gives other pixels.",
            "The drive may be failing. Export to another place.",
        )


def write_classes(
    folder: Path, schema: LabelSchema, how: How, root: WriteRoot | None = None
) -> Path:
    """Write the sidecar `classes.json`: what the values in the files mean.

    Args:
        folder: Where; made if missing.
        schema: The classes.
        how: The form of the files.
        root: As of `write_verified`.

    Raises:
        SegstudioError: if it cannot be written.
    """
    if root is None:
        make_folder(folder)
        root = WriteRoot(folder)
    root.make_folder(folder)
    path = folder / CLASSES_NAME
    content = {"values": _MEANINGS[how], **schema.to_json()}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    root.write(path, utf8_json(text))
    return path


_MEANINGS: dict[How, str] = {
    "index": "grey value = class id",
    "palette": "palette index = class id",
    "color": "colour = class",
    "overlay": "photo with the classes' colours blended over it; not for training",
    "binary": "255 = the class named by the file, 0 = anything else",
    "instances": "grey value (16 bit) = instance id, 0 = none",
}


def _file_part(name: str) -> str:
    """A class name as part of a file name on every system."""
    return re.sub(r"[^\w-]+", "-", name).strip("-")[:60]
