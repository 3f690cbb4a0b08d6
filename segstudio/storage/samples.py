"""The embedded samples, laid out as a folder of the user's own.

The shipped files may be read-only, and samples are there to be painted on: they are copied once
into the user's data folder. Photographs come from scikit-image's wheel, which is on disk anyway.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.resources import resource_path

SAMPLES = "samples"
LESSONS = "lessons"
"""Folders of `resources/`: nuclei for the models, and membranes for the lesson networks."""
PHOTOGRAPHS = ("ihc.png", "cell.png", "coins.png", "astronaut.png", "chelsea.png", "coffee.png")
"""Of scikit-image's data folder, in the order in which they follow the fields of nuclei."""


def assemble_samples(data_folder: Path) -> Path:
    """Copy what is missing of the samples to `data_folder`/samples; what is there stays.

    Returns:
        The folder to open.

    Raises:
        SegstudioError: if the folder cannot be written.
    """
    photographs = {
        f"photo-{number:02d}-{path.name}": path
        for number, path in enumerate(_photographs(), start=1)
    }
    return _assembled(SAMPLES, data_folder, photographs)


def assemble_lessons(data_folder: Path) -> Path:
    """Copy what is missing of the lessons' samples to `data_folder`/lessons, in the same way."""
    return _assembled(LESSONS, data_folder, {})


def _assembled(name: str, data_folder: Path, more: Mapping[str, Path]) -> Path:
    """Copy a folder of `resources/` with all that lies in it, and more files by their name."""
    target, source = data_folder / name, resource_path(name)
    inside = {str(path.relative_to(source)): path for path in sorted(source.rglob("*"))}
    try:
        for place, path in {**inside, **more}.items():
            if path.is_file():
                _copy_if_missing(path, target / place)
    except OSError as error:
        raise SegstudioError(
            f"The samples could not be copied to {target} ({error.strerror}).",
            "Make the folder writable, or free some space.",
        ) from error
    return target


def _photographs() -> list[Path]:
    spec = importlib.util.find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        return []
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return [folder / name for name in PHOTOGRAPHS if (folder / name).is_file()]


def _copy_if_missing(source: Path, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    shutil.copyfile(source, partial)
    partial.replace(target)
