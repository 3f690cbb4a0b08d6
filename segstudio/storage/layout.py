"""The usual names of folders and files of segmentation data sets. No file access."""

from __future__ import annotations

from collections.abc import Iterable

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

MASK_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp", ".gif", ".jpg", ".jpeg", ".webp"})
"""Extensions of files that can hold ground truth, lower case."""

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "jpegimages", "leftimg8bit", "photos")
"""Names of folders that hold the images of a data set, in order of preference."""

CLASS_FOLDERS = (
    "segmentationclass", "masks", "mask", "labels", "label", "annotations", "annotation",
    "ground_truth", "groundtruth", "gt", "gtfine", "segmentationclassaug",
)  # fmt: skip
"""Names of folders of class masks, in order of preference."""

INSTANCE_FOLDERS = ("instances", "instance", "segmentationobject")
"""Names of folders of instance masks."""

SIBLING_ENDINGS = ("annot", "_annot", "_masks", "_mask", "_labels", "_label", "_gt", "_annotations")
"""What a folder of masks adds to the name of its folder of images (CamVid: train, trainannot)."""

STEM_ENDINGS = (
    "_mask", "_masks", "_label", "_labels", "_gt", "_seg", "_segmentation",
    "_gtFine_labelIds", "_instances",
)  # fmt: skip
"""What a mask adds to the stem of its image."""

IMAGE_STEM_ENDINGS = ("_leftImg8bit",)
"""What an image's stem has that its mask's stem has not."""

_IMAGE_ENDS = tuple(IMAGE_SUFFIXES)
_UNREAD_ENDS = tuple(_UNREAD_KINDS)
_MASK_ENDS = tuple(MASK_SUFFIXES)


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


def images_among(names: Iterable[str]) -> list[str]:
    """The file names with an extension of images."""
    return [name for name in names if name.lower().endswith(_IMAGE_ENDS)]


def unread_kinds(names: Iterable[str]) -> list[str]:
    """The kind of every file that is an image by its extension but cannot be read."""
    found = [name.lower() for name in names if name.lower().endswith(_UNREAD_ENDS)]
    return [
        next(kind for end, kind in _UNREAD_KINDS.items() if name.endswith(end)) for name in found
    ]


def masks_among(names: Iterable[str]) -> list[str]:
    """The file names with an extension of files that can hold ground truth."""
    return [name for name in names if name.lower().endswith(_MASK_ENDS)]


def is_truth_folder(name: str, siblings: frozenset[str] | set[str]) -> bool:
    """Whether a folder of this name, among these, holds masks and not images."""
    folded = name.casefold()
    if folded in CLASS_FOLDERS or folded in INSTANCE_FOLDERS:
        return True
    return any(
        folded.endswith(ending) and any(s.casefold() + ending == folded for s in siblings)
        for ending in SIBLING_ENDINGS
    )


def mask_base(stem: str) -> str | None:
    """The stem of the image that a mask's stem names by its ending, or None."""
    if not stem.endswith(STEM_ENDINGS):
        return None
    for ending in STEM_ENDINGS:
        if stem.endswith(ending) and len(stem) > len(ending):
            return stem[: -len(ending)]
    return None
