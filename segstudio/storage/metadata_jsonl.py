"""`metadata.jsonl` of Hugging Face's image folders: which file is the mask of which image."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final

from segstudio.core.json_text import parse_json
from segstudio.core.regular_file import is_regular
from segstudio.storage.layout import suffix_of
from segstudio.storage.mask_files import mask_suffixes

METADATA: Final = "metadata.jsonl"
_IMAGE_KEYS: Final = ("file_name", "image_file_name", "image")
_MAX_BYTES: Final = 1 << 28


def listed_masks(folder: Path) -> dict[str, str]:
    """The images by their masks, both as paths from `folder`; empty if none are listed.

    A mask is what a line names beside its image (https://huggingface.co/docs/datasets/image_dataset):
    `{"file_name": "1.png", "mask_file_name": "masks/1.png"}`. Lines that are not understood are
    passed over; nothing outside of the folder is taken.
    """
    path = folder / METADATA
    try:
        info = path.stat()
    except OSError:
        return {}
    if not is_regular(path) or info.st_size > _MAX_BYTES:
        return {}
    return _read(path, info.st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int) -> dict[str, str]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        files = _files_in(line)
        if files:
            found.update(dict.fromkeys(files[1:], files[0]))
    return found


def _files_in(line: bytes) -> list[str]:
    """The image of a line and its masks; empty if there is none."""
    try:
        entries = parse_json(line)
    except ValueError:
        return []
    if not isinstance(entries, dict):
        return []
    key = next((k for k in _IMAGE_KEYS if isinstance(entries.get(k), str)), None)
    image = None if key is None else _inside(entries[key])
    masks = [_inside(v) for k, v in entries.items() if k != key and isinstance(v, str)]
    return [] if image is None else [image, *(m for m in masks if m is not None and m != image)]


def _inside(text: str) -> str | None:
    """A path of an image file below the folder, or None for other text."""
    path = PurePosixPath(text.replace("\\", "/"))
    if suffix_of(path.name) not in mask_suffixes() or path.is_absolute() or ".." in path.parts:
        return None
    return path.as_posix()
