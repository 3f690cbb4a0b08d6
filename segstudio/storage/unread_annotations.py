"""Annotation files of other programs that cannot be read yet: found, counted and named."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from segstudio.core.formatting import counted
from segstudio.core.regular_file import is_regular
from segstudio.storage.image_ref import ImageList
from segstudio.storage.layout import (
    CLASS_FOLDERS,
    INSTANCE_FOLDERS,
    ending_in,
    folded,
    folders_of,
    has_folders,
    have_mask_words,
    is_image_folder,
    is_numbered_mask,
    mask_bases,
    may_hold_masks,
    stem_of,
    suffix_of,
    unread_kinds,
)
from segstudio.storage.mask_files import mask_suffixes, masks_among
from segstudio.storage.scan import Listing, Listings

_FOLDERS: Final = frozenset(
    {"ann", "anns", "json", "jsons", "xml", "xmls", "labelme", "coco", "yolo", "via", "roi", "rois"}
)
_HEAD_BYTES: Final = 1 << 16
_SAMPLES: Final = 3
"""So many of the files that belong to one image each are looked into."""
_MOST_LOOKED_AT: Final = 24
_MOST_FOLDERS: Final = 64

_BY_SUFFIX: Final = {
    ".geojson": "GeoJSON (QuPath)", ".roi": "ImageJ ROI", ".mat": "MATLAB", ".npy": "NumPy",
    ".npz": "NumPy", ".h5": "HDF5", ".hdf5": "HDF5", ".ndjson": "Labelbox",
}  # fmt: skip
_LOOKED_INTO: Final = frozenset({".json", ".xml", ".txt", ".csv", ".zip"})
_ENDS: Final = (*_BY_SUFFIX, *_LOOKED_INTO)
_OF_IMAGES: Final = frozenset({".mat", ".npy", ".npz", ".h5", ".hdf5"})
"""Kinds that may hold anything: they count where an image has their name."""

_JSON: Final = (
    ("labelme", rb'"shapes"\s*:'),
    ("VIA", rb'"_via_|"shape_attributes"'),
    ("GeoJSON (QuPath)", rb'"FeatureCollection"'),
    ("Segment Anything", rb'"stability_score"|"predicted_iou"'),
    ("COCO panoptic", rb'"segments_info"'),
    ("Cityscapes polygon", rb'"imgHeight"'),
    ("Supervisely", rb'"classTitle"'),
    ("COCO", rb'"supercategory"|"iscrowd"|"image_id"'),
    ("Label Studio", rb'"brushlabels"|"polygonlabels"|"completions"'),
    ("ISAT", rb'"ISAT'),
    ("Datumaro", rb'"dm_format_version"|"items"\s*:\s*\[\s*\{\s*"id"'),
    ("Labelbox", rb'"data_row"'),
)
_XML: Final = (
    ("Pascal VOC", rb"<annotation>"),
    ("CVAT", rb"<annotations>"),
    ("ImageScope", rb"<Annotations\b"),
)
_CSV: Final = (
    ("VIA", rb"region_shape_attributes"),
    ("run-length", rb"EncodedPixels|\A[^\r\n]*?(?<![A-Za-z])(?i:rle)(?![A-Za-z])"),
)
_CONTENT: Final = {".json": _JSON, ".xml": _XML, ".csv": _CSV}
_ZIPPED: Final = (("ImageJ ROI", b".roi"), ("CVAT", b"annotations.xml"))
"""By the names of the first files in an archive."""
_YOLO_LINE: Final = re.compile(rb"\d{1,4}(?:[ \t]+-?\d*\.?\d+(?:e-?\d+)?){4,}[ \t]*")


def unread_annotations(
    home: Path, images: ImageList, listings: Mapping[Path, Listing], read: Path | None = None
) -> str:
    """One sentence about the annotation files of known kinds that cannot be read; "" if none.

    Args:
        home: The folder of the data set.
        images: Its images.
        listings: What some folders hold, where that is known already.
        read: An annotation file that is read.
    """
    survey = _Survey(home, images.names, listings, read)
    folders = folders_of(images.names)
    survey.look(Path(images.root), sorted(folders))
    return survey.sentence


def unread_in(folder: Path) -> str:
    """The same of one folder that was named; "" if it holds none or cannot be read."""
    survey = _Survey(folder, (), {})
    survey.count_in(folder, f"in {folder}", every=True)
    return survey.sentence


class _Survey:
    """Counts annotation files by kind and place."""

    def __init__(
        self,
        home: Path,
        names: Sequence[str],
        listings: Mapping[Path, Listing],
        read: Path | None = None,
    ) -> None:
        self._home = home
        self._read = read
        self._names = names
        self._listings = Listings(listings)
        self._found: dict[tuple[str, str], list[str]] = {}
        self._seen: set[Path] = set()

    @cached_property
    def _stems(self) -> set[str]:
        return {folded(stem_of(name.rpartition("/")[2])) for name in self._names}

    def look(self, root: Path, folders: Sequence[str]) -> None:
        """Count beside the images, and in the folders around that may hold annotations."""
        beside = dict.fromkeys([root / folder for folder in folders][:_MOST_FOLDERS])
        for folder in beside:
            self.count_in(folder, "beside the images")
        highest = self._home
        for _ in range(2):  # of data/images/train, annotations/ may lie in data
            if is_image_folder(highest.name) or is_image_folder(highest.parent.name):
                highest = highest.parent
        tops = dict.fromkeys([self._home, root, *beside, *(f.parent for f in beside)])
        tops |= dict.fromkeys(p for p in self._home.parents if p.is_relative_to(highest))
        for top in [t for t in tops if t.is_relative_to(highest)][:_MOST_FOLDERS]:
            self.count_in(top, f"in {top.name or top}/")
            for name in sorted(self._listings.of(top).folders):
                if _may_hold_annotations(name):
                    self._count_below(top / name)

    def _count_below(self, folder: Path) -> None:
        """Count in a folder of annotations and in its own sub-folders (labels/train)."""
        where = f"in {folder.name}/"
        self.count_in(folder, where)
        for name in sorted(self._listings.of(folder).folders)[:_MOST_FOLDERS]:
            self.count_in(folder / name, where)

    def count_in(self, folder: Path, where: str, *, every: bool = False) -> None:
        """Count the files of a folder, once.

        Args:
            folder: The folder.
            where: Its place in words.
            every: Whether files count that no image has the name of, of whatever kind.
        """
        if folder in self._seen or len(self._seen) > _MOST_FOLDERS * 4:
            return
        self._seen.add(folder)
        read = mask_suffixes()
        self._count_pictures(folder, where, every=every)
        names = [
            name
            for name in ending_in(self._listings.of(folder).files, _ENDS)
            if not name.lower().endswith(read) and folder / name != self._read
        ]
        of_images: dict[str, list[str]] = {}
        others: list[str] = []
        for name in names:
            suffix, has_image = suffix_of(name), every or folded(stem_of(name)) in self._stems
            if suffix in _LOOKED_INTO:
                (of_images.setdefault(suffix, []) if has_image else others).append(name)
            elif name.endswith("_seg.npy"):
                self._note("cellpose _seg.npy", where, name)
            elif has_image or suffix not in _OF_IMAGES:
                self._note(_BY_SUFFIX[suffix], where, name)
        for group in of_images.values():
            self._note(_kind_of_most(folder, group), where, *group)
        for name in sorted(others)[:_MOST_LOOKED_AT]:
            self._note(_kind(folder / name), where, name)

    def _note(self, kind: str, where: str, *names: str) -> None:
        self._found.setdefault((kind, where), []).extend(names)

    def _count_pictures(self, folder: Path, where: str, *, every: bool) -> None:
        """Count what lies there as pictures: masks of kinds that cannot be read, several an image."""
        files = self._listings.of(folder).files
        if every or _may_hold_annotations(folder.name):  # beside the images the list names them
            for name, kind in unread_kinds(files).items():
                self._note(kind, where, name)
        if self._objects_apart or not have_mask_words(files):
            return
        for name in masks_among(files):
            stem = stem_of(name)
            if is_numbered_mask(stem) and (
                every or any(folded(base) in self._stems for base in mask_bases(stem))
            ):
                self._note("numbered mask", where, name)

    @cached_property
    def _objects_apart(self) -> bool:
        """Whether each image has a folder of its own, and so may its masks."""
        if not has_folders(self._names):
            return False
        folders = Counter(name.rpartition("/")[0] for name in self._names)
        return len(folders) > 1 and set(folders.values()) == {1}

    @property
    def sentence(self) -> str:
        """What was found; "" if nothing was."""
        found = [(k, w, names) for (k, w), names in sorted(self._found.items()) if k and names]
        if not found:
            return ""
        parts = [
            f"{counted(len(names), f'{kind} file')} {'lie' if len(names) > 1 else 'lies'} {where}"
            f" ({min(names)}{', …' if len(names) > 1 else ''})"
            for kind, where, names in found
        ]
        them = "it" if sum(len(names) for _, _, names in found) == 1 else "them"
        return f"{', '.join(parts)}; segstudio cannot read {them} yet."


def _may_hold_annotations(name: str) -> bool:
    key = name.casefold()
    known = key in _FOLDERS or key in CLASS_FOLDERS or key in INSTANCE_FOLDERS
    return known or may_hold_masks(name)


def _kind_of_most(folder: Path, names: Sequence[str]) -> str:
    """The kind of files that belong to one image each, from some of them."""
    step = max(1, len(names) // _SAMPLES)
    kinds = Counter(_kind(folder / name) for name in sorted(names)[::step][:_SAMPLES])
    kinds.pop("", None)
    return max(kinds, key=lambda kind: (kinds[kind], kind), default="")


def _kind(path: Path) -> str:
    """The kind of a file by what is at its beginning and its end; "" if it is not known."""
    if not is_regular(path):
        return ""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(len(head), size - _HEAD_BYTES))
            tail = file.read(_HEAD_BYTES)
    except OSError:
        return ""
    suffix = suffix_of(path.name)
    if suffix == ".txt":
        return "YOLO" if _is_yolo(head) else ""
    if suffix == ".zip":
        names = head[30:300].lower() if head.startswith(b"PK\3\4") else b""
        return next((kind for kind, name in _ZIPPED if name in names), "")
    content = head + tail
    rules = _CONTENT[suffix]
    return next((kind for kind, pattern in rules if re.search(pattern, content)), "")


def _is_yolo(head: bytes) -> bool:
    lines = [line for line in head.splitlines()[:20] if line.strip()]
    if len(head) == _HEAD_BYTES and len(lines) > 1:
        lines = lines[:-1]  # the last one may be cut
    return bool(lines) and all(_YOLO_LINE.fullmatch(line) for line in lines)
