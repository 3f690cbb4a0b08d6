"""Marks of images that the user sets by hand, kept with the user, not with the images."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from segstudio.storage.atomic import make_folder, write_atomically

_NAME = "reviewed.json"


def load_reviewed(data_folder: Path) -> set[str]:
    """Names of the images of a folder that are marked as reviewed; empty if there are none.

    Args:
        data_folder: `Project.data_folder`.
    """
    try:
        data = json.loads((data_folder / _NAME).read_text(encoding="utf-8"))
        return {str(name) for name in data["reviewed"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def save_reviewed(data_folder: Path, root: Path, names: Iterable[str]) -> None:
    """Write which images are reviewed.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder that the marks are of, for people who look into the file.
        names: Names of images (`ImageRef.name`).

    Raises:
        SegstudioError: if it cannot be written.
    """
    make_folder(data_folder)
    content = {"folder": str(root), "reviewed": sorted(names)}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(data_folder / _NAME, text.encode("utf-8", "surrogatepass"))
