"""What a format of masks is: how label maps become files, and how files are read as masks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image, InstanceIds, Labels
from segstudio.core.schema import LabelSchema
from segstudio.core.text import utf8_json
from segstudio.storage.atomic import make_folder
from segstudio.storage.write_root import WriteRoot

if TYPE_CHECKING:
    from segstudio.storage.mask_forms import NativeMask

CLASSES_NAME = "classes.json"


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


@dataclass(frozen=True)
class MaskContent:
    """What is exported of one image.

    Attributes:
        labels: Class ids, (H, W) uint8.
        instances: Instance ids, (H, W) uint16, or None.
        schema: The classes.
        picture: Gives the photo with the masks drawn over it, (H, W, 3) uint8.
    """

    labels: Labels
    instances: InstanceIds | None
    schema: LabelSchema
    picture: Callable[[], Image]


@dataclass(frozen=True)
class ExportFile:
    """One file to write.

    Attributes:
        name: File name.
        pixels: What the file must hold: (H, W) of an integer type, or (H, W, 3) uint8 RGB.
        encode: Makes the file's content.
        read: Reads it again, so that it can be compared.
        palette: (256, 3) uint8 that the file must hold too, or None.
    """

    name: str
    pixels: npt.NDArray[Any]
    encode: Callable[[ExportFile], bytes]
    read: Callable[[Path, int], RawMask]
    palette: npt.NDArray[np.uint8] | None = None


class MaskListing(Protocol):
    """One file beside a folder of masks that explains all of them."""

    @property
    def path(self) -> Path:
        """The file."""

    def put(
        self, name: str, image_file: str, labels: Labels, instances: InstanceIds | None
    ) -> Image:
        """Add or replace an image, and give the pixels of its mask."""

    def write(self, root: WriteRoot) -> None:
        """Write the file."""


def _one_name(stem: str, form: MaskFormat, _schema: LabelSchema) -> list[str]:
    return [stem + form.extensions[0]]


def _one_page(_path: Path) -> int:
    return 1


@dataclass(frozen=True)
class MaskFormat:
    """A format of masks, which can be written, read or both.

    Attributes:
        key: Stable name; of the folder too, where several forms are exported at once.
        title: What it is called for people.
        extensions: Of its files, lower case with the dot; the first is the one written.
        holds: What is exported of an image: "classes", "instances" or a "picture".
        tip: What a pixel of an exported file is, in a sentence.
        values: Likewise for programs, in `classes.json`.
        lacks: What of a prediction such files have no place for, in a sentence; may be empty.
        write: Gives the files of an image by its stem, or None if it is not exported.
        names: What these files are called.
        begins: What such files begin with, by which they are told; (b"",) for what no other
            format knows.
        read: Reads a page of such a file, counted from 0, or None if it is not read.
        pages: How many pages a file has.
        listing: For a form whose files are explained by one beside their folder: makes that one
            for a folder, or takes up what is there.
        form: Gives the stored values of a file's content so that an edit changes nothing else;
            None: corrections of such a mask are saved in segstudio's own form.
    """

    key: str
    title: str
    extensions: tuple[str, ...]
    holds: Literal["classes", "instances", "picture"] = "classes"
    tip: str = ""
    values: str = ""
    lacks: str = ""
    write: Callable[[str, MaskContent], list[ExportFile]] | None = None
    names: Callable[[str, MaskFormat, LabelSchema], list[str]] = _one_name
    begins: tuple[bytes, ...] = ()
    read: Callable[[Path, int], RawMask] | None = None
    pages: Callable[[Path], int] = _one_page
    listing: Callable[[Path, LabelSchema], MaskListing] | None = None
    form: Callable[[bytes], NativeMask] | None = None


def write_verified(folder: Path, file: ExportFile, root: WriteRoot | None = None) -> Path:
    """Write a file, read it again and compare every pixel (and the palette).

    Args:
        folder: Where; made if missing.
        file: What.
        root: The folder that is not left through links; `folder` itself if not given.

    Returns:
        The file.

    Raises:
        SegstudioError: if it cannot be written, or what is read differs; it is deleted then.
    """
    path = folder / file.name
    if root is None:
        make_folder(folder)
        root = WriteRoot(folder)
    root.make_folder(path.parent)
    root.write(path, file.encode(file), durable=False)
    try:
        verify(path, file)
    except SegstudioError:
        path.unlink(missing_ok=True)
        raise
    return path


def verify(path: Path, file: ExportFile) -> None:
    """Read a written file and compare it bit for bit.

    Raises:
        SegstudioError: if anything differs.
    """
    found = file.read(path, 0)
    same = (
        found.pixels.dtype == file.pixels.dtype
        and found.pixels.shape == file.pixels.shape
        and np.array_equal(found.pixels, file.pixels)
    )
    if same and file.palette is not None:
        same = found.palette is not None and np.array_equal(found.palette, file.palette)
    if not same:
        raise SegstudioError(
            f"{path} was written, but reading it gives other pixels.",
            "The drive may be failing. Export to another place.",
        )


def write_classes(
    folder: Path, schema: LabelSchema, form: MaskFormat, root: WriteRoot | None = None
) -> Path:
    """Write the sidecar `classes.json`: what the values in the files mean.

    Args:
        folder: Where; made if missing.
        schema: The classes.
        form: The form of the files.
        root: As of `write_verified`.

    Raises:
        SegstudioError: if it cannot be written.
    """
    if root is None:
        make_folder(folder)
        root = WriteRoot(folder)
    root.make_folder(folder)
    path = folder / CLASSES_NAME
    content = {"values": form.values, **schema.to_json()}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    root.write(path, utf8_json(text))
    return path
