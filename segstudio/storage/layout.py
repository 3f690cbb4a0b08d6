"""The usual names of folders and files of segmentation data sets. No file access."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

IMAGE_SUFFIXES = frozenset(
    {
        ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".gif",
        ".avif", ".jp2", ".j2k", ".j2c", ".jpc", ".jpx", ".jpf", ".ppm", ".pgm", ".pbm", ".pnm",
    }
)  # fmt: skip
"""Extensions of images that are listed, lower case."""

IMAGE_KINDS = "PNG, JPEG, TIFF, BMP, WebP, GIF, AVIF, JPEG 2000 and PPM"
"""The same in words."""

_UNREAD_KINDS = {
    ".heic": "HEIC", ".heif": "HEIC", ".hif": "HEIC", ".jxl": "JPEG XL", ".jxr": "JPEG XR",
    ".psd": "Photoshop", ".dcm": "DICOM", ".nii": "NIfTI", ".nii.gz": "NIfTI", ".nrrd": "NRRD",
    ".mha": "MetaImage", ".mhd": "MetaImage", ".czi": "Zeiss CZI", ".nd2": "Nikon ND2",
    ".lif": "Leica LIF", ".lsm": "Zeiss LSM", ".stk": "MetaMorph STK", ".svs": "Aperio SVS",
    ".ndpi": "Hamamatsu NDPI", ".mrxs": "MIRAX", ".exr": "OpenEXR", ".hdr": "Radiance HDR",
    ".cr2": "camera raw", ".cr3": "camera raw", ".nef": "camera raw", ".arw": "camera raw",
    ".dng": "camera raw", ".orf": "camera raw", ".rw2": "camera raw", ".raf": "camera raw",
}  # fmt: skip

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "jpegimages", "leftimg8bit", "photos")
"""Names of folders that hold the images of a data set, in order of preference."""

CLASS_FOLDERS = (
    "segmentationclass", "1st_manual", "masks", "mask", "labels", "label", "annotations",
    "annotation", "ground_truth", "groundtruth", "ground-truth", "ground truth", "groundtruths",
    "gt", "gts", "gtfine", "gtcoarse", "segmentationclassaug", "segmentations", "segmentation",
    "labelstr", "labelsts", "labelsval", "semantic", "semantic_rgb", "2nd_manual",
)  # fmt: skip
"""Names of folders of class masks, lower case, in order of preference."""

INSTANCE_FOLDERS = ("instances", "instance", "segmentationobject")
"""Names of folders of instance masks, lower case."""

_PLAIN_IMAGE_FOLDERS = frozenset(
    {"raw", "raws", "rgb", "photo", "original", "originals", "input", "inputs", "pictures"}
)

CHANNEL_FOLDERS = frozenset({"imagestr", "imagests", "imagesval"})
"""Folders in which nnU-Net has one file a channel: `case_0000.png` belongs to `case.png`."""

_FOLDER_ENDINGS = (
    "annot", "_annot", "_masks", "_mask", "_labels", "_label", "_gt", "_annotations",
    "-masks", "-labels", "_seg", "_segmentation", "_segmentations", "_groundtruth",
)  # fmt: skip
"""What a folder of masks adds to the name of its folder of images (CamVid: train, trainannot)."""

_IMAGE_WORDS = re.compile(r"images?|imgs?|photos?|raw|rgb")
_MASK_WORDS = re.compile(
    r"masks?|labels?|annotations?|annots?|annotated|ground[_ -]?truths?|truth|gts?|segmentations?|"
    r"segs?|instances?|manual"
)
_FOLDER_WORDS = re.compile(
    r"(?<![a-z])(?:masks?|labels?|annot\w*|ground[_ -]?truths?|truth|gts?|seg|segmentations?|"
    r"instances?)(?![a-z])"
)
"""A word in a folder's name after which masks are looked for in it."""

_WORDS = (
    "masks", "mask", "labels", "label", "gt", "seg", "segmentation", "segmentations", "annotation",
    "annotations", "annot", "anno", "annos", "lbl", "lbls", "instance", "instances", "groundtruth",
    "truth", "labelids",
    "labeltrainids", "instanceids", "instancetrainids", "parts", "manual",
)  # fmt: skip
_QUALIFIERS = (
    "cp", "gtfine", "gtcoarse", "ground", "color", "colour", "watershed", "semantic", "predicted",
    "pred", "outlines", "flows", "binary", "cell", "cells", "nuclei", "object", "class", *_WORDS,
)  # fmt: skip
_TAIL = re.compile(
    rf"[_\-. ](?:(?:{'|'.join(_WORDS)})(?:[_\-. ]?\d{{1,4}})?|gt(?:fine|coarse)_color"
    r"|(?:1st|2nd)ho)$",
    re.IGNORECASE,
)
"""What a mask adds to the stem of its image: x_mask, x-labels, x_cp_masks, x_gtFine_labelIds.

The retinas of CHASE_DB1 have x_1stHO and x_2ndHO, of two human observers.
"""
_PARTS = re.compile(r"[_\-. ]parts[_\-. ]?\d+$", re.IGNORECASE)
"""The parts of the objects in an image, as in ADE20K: not of the image's own mask."""
_QUALIFIER = re.compile(rf"[_\-. ](?:{'|'.join(_QUALIFIERS)})$", re.IGNORECASE)
_HEAD = re.compile(r"^(?:masks?|labels?|gt|seg|segmentation|annotation)[_\- ]", re.IGNORECASE)
"""What a mask has before the name of its image: gt_0001 for image_0001."""
_SOME_WORD = (
    "mask", "label", "lbl", "gt", "seg", "anno", "instance", "truth", "parts", "manual", "1stho",
    "2ndho",
)  # fmt: skip

_IMAGE_TAIL = re.compile(
    r"[_\-. ](?:leftimg8bit|img|image|im|raw|rgb|sat|photo|orig|original|input|training|test)$|_0000$",
    re.IGNORECASE,
)
"""What an image's stem has that its mask's stem has not."""
_IMAGE_HEAD = re.compile(r"^(?:images?|imgs?|im|photo)[_\- ]", re.IGNORECASE)
_SOME_IMAGE_WORD = (
    "img", "image", "raw", "rgb", "sat", "photo", "orig", "input", "training", "test", "_0000.",
    "im_", "_im.", "im-", "im ", "-im.", " im.", ".im.",
)  # fmt: skip
_CHANNEL = re.compile(r"_\d{4}$")

_IMAGE_ENDS = tuple(IMAGE_SUFFIXES)
_UNREAD_ENDS = tuple(_UNREAD_KINDS)


def suffix_of(name: str) -> str:
    """The extension in lower case with its dot, "" if there is none."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def stem_of(name: str) -> str:
    """A file name without its extension."""
    dot = name.rfind(".")
    return name[:dot] if dot > 0 else name


def page_stem(stem: str, page: int) -> str:
    """What a file that belongs to one page of an image is called: "cells", "cells_p0002", ..."""
    return f"{stem}_p{page + 1:04d}" if page else stem


def ending_in(names: Iterable[str], ends: tuple[str, ...]) -> list[str]:
    """The names with one of these endings, which are given in lower case."""
    names = list(names)
    # lower case of all at once: of 100,000 names one by one that takes longer than to list them
    lowered = "/".join(names).lower().split("/") if not has_folders(names) else ()
    if len(lowered) != len(names):
        return [name for name in names if name.lower().endswith(ends)]
    return [name for name, low in zip(names, lowered, strict=True) if low.endswith(ends)]


def has_folders(names: Sequence[str]) -> bool:
    """Whether any of these names is one in a folder."""
    return "/" in "".join(names)


def folders_of(names: Sequence[str]) -> set[str]:
    """The folders of names, "" for those of none."""
    if not has_folders(names):
        return {""} if names else set()
    return {name.rpartition("/")[0] for name in names}


def images_among(names: Iterable[str]) -> list[str]:
    """The file names with an extension of images."""
    return ending_in(names, _IMAGE_ENDS)


def unread_kinds(names: Iterable[str]) -> dict[str, str]:
    """The kind of every file that is an image by its extension but cannot be read, by its name."""
    return {
        name: next(kind for end, kind in _UNREAD_KINDS.items() if name.lower().endswith(end))
        for name in ending_in(names, _UNREAD_ENDS)
    }


def is_image_folder(name: str) -> bool:
    """Whether a folder is called as one part of a data set is: the other lies beside it."""
    return name.casefold() in IMAGE_FOLDERS or name.casefold() in _PLAIN_IMAGE_FOLDERS


def truth_folders_among(folders: Iterable[str]) -> set[str]:
    """Which of the sub-folders of a folder hold masks, as their names say.

    `masks/` and the like, and those that are called as another one is (`trainannot/` beside
    `train/`, `labelsTr/` beside `imagesTr/`, `train_masks/` beside `train_images/`).
    """
    folded = {name: name.casefold() for name in folders}
    names = set(folded.values())
    images = {_IMAGE_WORDS.sub("*", name) for name in names if _IMAGE_WORDS.search(name)}
    return {
        name
        for name, key in folded.items()
        if key in CLASS_FOLDERS
        or key in INSTANCE_FOLDERS
        or any(key.endswith(e) and key[: -len(e)] in names for e in _FOLDER_ENDINGS)
        or (_MASK_WORDS.search(key) and _MASK_WORDS.sub("*", key) in images)
    }


def truth_folders_of(name: str, folders: Iterable[str]) -> list[str]:
    """Sub-folders that are called as the masks of a folder of images beside them are.

    Those that are called as masks are anywhere (`masks/`) are not among them.
    """
    folded = name.casefold()
    called = {folded + ending for ending in _FOLDER_ENDINGS}
    alike = _IMAGE_WORDS.sub("*", folded) if _IMAGE_WORDS.search(folded) else None
    return sorted(
        other
        for other in folders
        if (key := other.casefold()) not in (*CLASS_FOLDERS, *INSTANCE_FOLDERS)
        and (
            key in called
            or (
                alike is not None and _MASK_WORDS.search(key) and _MASK_WORDS.sub("*", key) == alike
            )
        )
    )


def may_hold_masks(folder: str) -> bool:
    """Whether a folder's name has a word like mask, label or annotation in it."""
    return _FOLDER_WORDS.search(_words_apart(folder)) is not None


def _words_apart(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", name).casefold()


def have_mask_words(names: Iterable[str]) -> bool:
    """Whether any of the names has a word of masks in it; quick, for long lists."""
    text = "/".join(names)
    folded = text.casefold()
    return any(word in folded for word in _SOME_WORD) or "_L." in text


def have_image_words(names: Iterable[str]) -> bool:
    """Whether any of the names has a word of images in it; quick, for long lists."""
    text = "/".join(names).casefold()
    return any(word in text for word in _SOME_IMAGE_WORD)


def mask_bases(stem: str) -> list[str]:
    """Stems of the images that a mask may belong to by its name, the longest first.

    `x_cp_masks` may be of `x_cp` or of `x`, and `x.jpg_mask` of `x`. Not of these is a mask's stem
    that is its image's.
    """
    if (found := _TAIL.search(stem)) is not None:
        bases = [stem[: found.start()]]
        while (more := _QUALIFIER.search(bases[-1])) is not None and more.start() > 0:
            bases.append(bases[-1][: more.start()])
    elif len(stem) > 2 and stem.endswith("_L"):  # CamVid; x_l is the left one of two photos
        bases = [stem[:-2]]
    else:
        bases = [stem[found.end() :]] if (found := _HEAD.search(stem)) is not None else []
    if bases and (short := without_image_suffix(bases[-1])) != bases[-1]:
        bases.append(short)
    return [base for base in bases if base]


def without_image_suffix(stem: str) -> str:
    """The stem of the image whose whole name a mask has in its own: x of x.jpg, for x.jpg.png."""
    return stem_of(stem) if stem.lower().endswith(_IMAGE_ENDS) else stem


def mask_base(stem: str) -> str | None:
    """The stem of the image that a mask's stem names by its ending, or None."""
    bases = mask_bases(stem)
    return bases[-1] if bases else None


def is_partial_mask(stem: str) -> bool:
    """Whether a mask is one of several of an image, or a picture of one (x_parts_1, x_mask_2).

    No photo, and no ground truth alone. The retinas of DRIVE have one, of the first expert:
    21_manual1.
    """
    found = _TAIL.search(stem)
    if found is None:
        return False
    tail = found.group().casefold()
    aside = tail.endswith(("_color", "2ndho"))
    return aside or (tail[-1].isdigit() and "manual" not in tail)


def is_numbered_mask(stem: str) -> bool:
    """Whether a mask may be one of several of its image that belong together: x_mask_2."""
    return stem[-1:].isdigit() and is_partial_mask(stem) and _PARTS.search(stem) is None


def image_bases(stem: str, *, channels: bool = False) -> list[str]:
    """Shorter names of an image that its mask may have: x of x_leftImg8bit, x_img, x_0000.

    Args:
        stem: The image's.
        channels: Whether every number of four digits at the end is that of a channel (nnU-Net).
    """
    found = [_IMAGE_TAIL.sub("", stem), _IMAGE_HEAD.sub("", stem)]
    if channels:
        found.append(_CHANNEL.sub("", stem))
    return [base for base in dict.fromkeys(found) if base and base != stem]


def folded(name: str) -> str:
    """A name without what cameras, macOS and Windows tools change: case and normal form.

    Characters that become several when folded stay as they are: Maße is no Masse, and the Turkish
    İ is no I.
    """
    if name.isascii():
        return name.lower()
    composed = unicodedata.normalize("NFC", name)
    return "".join(f if len(f := c.casefold()) == 1 else c for c in composed)
