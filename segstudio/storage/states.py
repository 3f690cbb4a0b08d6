"""Marks of images that the user sets by working, kept with the user, not with the images."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from segstudio.core.text import utf8
from segstudio.storage.atomic import make_folder, write_atomically


class Mark(StrEnum):
    """What is marked; each has a file of its own, which the value names."""

    REVIEWED = "reviewed"
    CORRECTED = "corrected"
    """Annotated while it waited in the work queue."""


def load_marked(data_folder: Path, mark: Mark) -> set[str]:
    """Names of the images of a folder that have a mark; empty if there are none.

    Args:
        data_folder: `Project.data_folder`.
        mark: Which mark.
    """
    try:
        data = json.loads(_file(data_folder, mark).read_text(encoding="utf-8"))
        return {str(name) for name in data[mark.value]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def save_marked(data_folder: Path, root: Path, mark: Mark, names: Iterable[str]) -> None:
    """Write which images have a mark.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder that the marks are of, for people who look into the file.
        mark: Which mark.
        names: Names of images (`ImageRef.name`).

    Raises:
        SegstudioError: if it cannot be written.
    """
    make_folder(data_folder)
    content = {"folder": str(root), mark.value: sorted(names)}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(_file(data_folder, mark), utf8(text))


def _file(data_folder: Path, mark: Mark) -> Path:
    return data_folder / f"{mark.value}.json"
