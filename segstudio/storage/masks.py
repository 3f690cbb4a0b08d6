"""Annotations on disk: indexed PNGs in `masks/`, instance ids in `instances/`.

A file that was there before segstudio wrote its own is kept in `.originals/` and stays the ground
truth. `truth_folders.MaskFolder` finds it there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import InstanceIds, LabelMap, Labels
from segstudio.core.regular_file import is_there
from segstudio.core.schema import LabelSchema
from segstudio.storage.formats.png import (
    encode_index_png,
    encode_instance_png,
    png_texts,
    written_by_segstudio,
)
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.layout import IMAGE_SUFFIXES, page_stem, suffix_of
from segstudio.storage.mask_files import read_mask_file
from segstudio.storage.originals import keep, remove_own
from segstudio.storage.schema_file import SeenClasses, write_schema
from segstudio.storage.seen_files import SeenFiles
from segstudio.storage.write_root import Identity, WriteRoot

_PAGE_MARK = "#page="
MASKS = "masks"
"""Folder for annotations in segstudio's form: of class ids, with `instances/` beside it."""
PROVENANCE = "provenance"
"""Folder beside it for the maps of who wrote what (`writer_maps`)."""
WRITERS_TABLE = "writers.json"


@dataclass(frozen=True)
class AnnotationFiles:
    """Where an image's annotation is or will be: class ids and instance ids."""

    mask: Path
    instances: Path

    @property
    def paths(self) -> tuple[Path, Path]:
        """Both."""
        return self.mask, self.instances

    @property
    def seen(self) -> SeenFiles:
        """What both hold now."""
        return SeenFiles.of(self.paths)


def annotation_files(root: Path, ref: ImageRef, folder: str = MASKS) -> AnnotationFiles:
    """The files of an image's annotation, whether they exist or not.

    `masks/<stem>.png` in the data set's folder; an image of a sub-folder that is opened with it
    (train/) has its own `masks/` there. Where two images share a stem (a.jpg, a.png), the later
    one by name has `masks/<name>.png` (a.png.png). The second page of an image has
    `masks/<stem>_p0002.png`, and so on; that of the first is the image's.

    Args:
        root: `Project.root`.
        ref: The image.
        folder: `masks`, or `annotations` for corrections of ground truth that is left as it is.
    """
    masks, instances = _folders_of(root, ref.root, ref.folder, folder)
    name = _mask_name(masks, ref)
    return AnnotationFiles(masks / name, instances / name)


def annotation_folders(root: Path, ref: ImageRef, folder: str = MASKS) -> tuple[Path, Path]:
    """The folders of `annotation_files`: of class ids, of instance ids. Looks at no file."""
    return _folders_of(root, ref.root, ref.folder, folder)


def writers_file(root: Path, ref: ImageRef) -> Path:
    """The file that says who wrote the pixels of an image's annotation, wherever that lies."""
    home, inside = (root / ref.folder, "") if Path(ref.root) == root else (root, ref.folder)
    folder = home / PROVENANCE / inside
    return folder / _mask_name(folder, ref)


def has_provenance(root: Path) -> bool:
    """Whether a data set brings maps of who wrote what along."""
    return is_there(root / PROVENANCE / WRITERS_TABLE)


def has_annotation(root: Path, ref: ImageRef, folder: str = MASKS) -> bool:
    """Whether segstudio has saved an annotation of this image, in its own form."""
    masks = str(_folders_of(root, ref.root, ref.folder, folder)[0])
    names = (page_stem(ref.stem, ref.page), page_stem(ref.filename, ref.page))
    there = [f"{masks}/{name}.png" for name in names if os.access(f"{masks}/{name}.png", os.F_OK)]
    if not any(written_by_segstudio(Path(path)) for path in there):
        return False  # the usual case of a long list
    mask = annotation_files(root, ref, folder).mask
    return written_by_segstudio(mask) and (not ref.page or _is_of_page(mask, ref))


def _is_of_page(mask: Path, ref: ImageRef) -> bool:
    return png_texts(mask).get("Source") == _source(ref.filename, ref.page)


def source_text(ref: ImageRef) -> str:
    """An image's name with its page, as its files in segstudio's form say it."""
    return _source(ref.filename, ref.page)


def read_annotation(
    root: Path,
    ref: ImageRef,
    shape_hw: tuple[int, int] | None = None,
    folder: str = MASKS,
) -> LabelMap | None:
    """The annotation that segstudio saved for an image, or None.

    Raises:
        SegstudioError: if it cannot be read or has not the image's size; names both files.
    """
    if not has_annotation(root, ref, folder):
        return None
    files = annotation_files(root, ref, folder)
    labels = read_index_png(files.mask)
    _check_size(files.mask, labels.shape, ref, shape_hw)
    if not written_by_segstudio(files.instances):
        return LabelMap(labels)
    ids = read_mask_file(files.instances).pixels.astype(np.uint16)
    _check_size(files.instances, ids.shape, ref, (labels.shape[0], labels.shape[1]))
    return LabelMap(labels, ids)


def write_annotation(
    root: Path,
    ref: ImageRef,
    labels: Labels,
    instances: InstanceIds | None,
    schema: LabelSchema,
    folder: str = MASKS,
    *,
    identity: Identity | None = None,
    agreed: frozenset[Path] = frozenset(),
    seen: SeenFiles | None = None,
    classes: SeenClasses | None = None,
) -> list[Path]:
    """Save an image's annotation in segstudio's form, and the classes.

    Each file is saved as a whole or not at all.

    The data set's folder itself is never made, and no link is followed out of it.

    Args:
        root: `Project.root`.
        ref: The image.
        labels: Class ids, (H, W) uint8.
        instances: Instance ids, (H, W) uint16, or None: then a file of earlier ones goes.
        schema: The classes: palette of the PNG and `masks/segstudio.json`.
        folder: `masks` or `annotations`.
        identity: `Project.identity`: the folder that was opened.
        agreed: Links leading out of the folder that may be used all the same (`WriteRoot`).
        seen: What the files held when they were read; None: whatever they hold is replaced.
        classes: Likewise what the file of the classes said, which is left if it was changed.

    Returns:
        The files written.

    Raises:
        FolderGoneError: if the data set's folder is not there any more.
        OutsideLinkError: if a file would be written outside of it.
        ForeignChangeError: if another program wrote one meanwhile.
        SegstudioError: if one cannot be written; what was there before is unchanged.
    """
    home = WriteRoot(root, identity, ref.path, ref.path.parent, agreed)
    home.check()
    files = annotation_files(root, ref, folder)
    home.place_of(files.mask)  # before anything is written
    if instances is not None or written_by_segstudio(files.instances):
        home.place_of(files.instances)
    home.make_folder(files.mask.parent)
    if seen is not None:
        seen.check()
    written = [write_schema(files.mask.parent, schema, home, seen=classes)]
    source = _source(ref.filename, ref.page)
    if instances is not None:
        home.make_folder(files.instances.parent)
        content = encode_instance_png(instances, source=source)
        keep(home, files.instances, content)
        home.write(files.instances, content)
        written.append(files.instances)
    content = encode_index_png(labels, schema.palette(), source=source)
    keep(home, files.mask, content)
    home.write(files.mask, content)
    written.append(files.mask)
    if instances is None:
        remove_own(home, files.instances)
    return written


def read_index_png(path: Path) -> Labels:
    """Class ids of an indexed or grey PNG, (H, W) uint8: palette indices, never colours.

    Raises:
        SegstudioError: if it cannot be read or holds colours or larger values.
    """
    pixels = read_mask_file(path).pixels
    if pixels.ndim == 3:
        raise SegstudioError(
            f"{path} holds colours, not class ids.", "Save it as an indexed or grey PNG."
        )
    if pixels.dtype != np.uint8:
        if int(pixels.max()) > 255 or int(pixels.min()) < 0:
            raise SegstudioError(
                f"{path} holds values up to {int(pixels.max())}.", "Class ids are 0 to 255."
            )
        pixels = pixels.astype(np.uint8)
    return np.ascontiguousarray(pixels)


@lru_cache(maxsize=256)
def _folders_of(root: Path, images_root: str, folder: str, masks: str = MASKS) -> tuple[Path, Path]:
    """The folders of class and of instance masks of the images of one folder."""
    if masks != MASKS:  # corrections: one folder, so that it can be taken away as a whole
        return root / masks / folder, root / masks / "instances" / folder
    home, inside = (root / folder, "") if Path(images_root) == root else (root, folder)
    return home / masks / inside, home / "instances" / inside


def _mask_name(folder: Path, ref: ImageRef) -> str:
    plain = f"{page_stem(ref.stem, ref.page)}.png"
    full = f"{page_stem(ref.filename, ref.page)}.png"
    if is_there(folder / full):
        return full
    source = png_texts(folder / plain).get("Source")
    if source == _source(ref.filename, ref.page):
        return plain
    rivals = _with_stem(ref, ref.stem)
    if ref.page:
        # never the file of an image that is really called like this page
        taken = rivals or is_there(folder / plain) or _with_stem(ref, plain[: -len(".png")])
        return full if taken else plain
    if source is not None and _PAGE_MARK in source:
        return full
    if not rivals:
        return plain
    if source is not None and source in map(_source, rivals):
        return full
    return plain if ref.filename < min(rivals) else full


def _source(filename: str, page: int = 0) -> str:
    """An image's name as the tEXt entry Source, which has no room for all characters.

    With the page if it is not the first; no quoted name has a #.
    """
    return quote(filename.encode("utf-8", "backslashreplace")) + (
        f"{_PAGE_MARK}{page + 1}" if page else ""
    )


def _with_stem(ref: ImageRef, stem: str) -> list[str]:
    """Other image files in the image's folder with a stem."""
    folder = ref.path.parent
    return [
        name
        for suffix in IMAGE_SUFFIXES
        for name in (stem + suffix, stem + suffix.upper())
        if (stem != ref.stem or suffix != suffix_of(ref.filename))
        and os.access(f"{folder}/{name}", os.F_OK)
    ]


def _check_size(
    path: Path, found_hw: tuple[int, ...], ref: ImageRef, shape_hw: tuple[int, int] | None
) -> None:
    if shape_hw is not None and tuple(found_hw) != tuple(shape_hw):
        raise SegstudioError(
            f"The annotation {path} is {found_hw[1]} x {found_hw[0]} pixels, but its image "
            f"{ref.path} is {shape_hw[1]} x {shape_hw[0]}.",
            "It is left as it is. Move it away to annotate the image anew.",
        )
