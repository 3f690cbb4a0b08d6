"""The reports that `segstudio evaluate` and `segstudio compare` write."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from segstudio.cli.exit_codes import InputError
from segstudio.cli.output import ShowProgress, progress_bar, warn
from segstudio.evaluation.folder_evaluation import FolderEvaluation
from segstudio.evaluation.report.gathering import EvaluatedFolder, gather
from segstudio.evaluation.report.material import EvaluationMaterial
from segstudio.evaluation.report.report_document import write_html
from segstudio.report.page import part_of
from segstudio.storage.picture import unchecked

_GATHERED = 40
_TRIED_BYTES = 1 << 16


def check_report(path: Path | None) -> None:
    """Refuse a report that cannot be written, before anything is computed.

    Raises:
        InputError: as `check_file`.
    """
    if path is not None:
        check_file(path, "report")


def check_file(path: Path, option: str) -> None:
    """Refuse a file that cannot be written, before anything is computed.

    It is tried out: rights do not tell of a disk that is full or can only be read.

    Args:
        path: The file.
        option: What it was given with, without its dashes.

    Raises:
        InputError: if it is a folder or no plain file, or its folder is missing or not writable.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder.", f"Give a file with --{option}.")
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no plain file.", f"Give a file with --{option}.")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise InputError(f"There is no folder {path.parent}.", f"Make it, or change --{option}.")
    if not os.access(folder, os.W_OK):
        raise InputError(f"Nothing may be written into {path.parent}.", f"Change --{option}.")
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TRIED_BYTES))
    except OSError as error:
        raise InputError(
            f"Nothing can be written into {path.parent} ({error.strerror or error}).",
            f"Change --{option}.",
        ) from error


def write_comparison(path: Path, found: FolderEvaluation, command: str) -> None:
    """Write what came of evaluating models on a folder, if any image could be measured.

    Args:
        path: The file.
        found: The evaluation; its stores must still be open.
        command: The line that repeats it.

    Raises:
        SegstudioError: if no image was measured by all models, or the file cannot be written.
    """
    table = found.table
    if not any(len(table.indices(run, scored=True)) for run in table.runs):
        return
    evaluated = EvaluatedFolder.of(table, found.conditions, found.references, command)
    _write(path, lambda show: gather(evaluated, unchecked, part_of(show, 0, _GATHERED)))


def write_material(path: Path, material: EvaluationMaterial) -> None:
    """Write a report of masks that were held against each other.

    Raises:
        SegstudioError: if the file cannot be written.
    """
    _write(path, lambda _show: material)


def _write(path: Path, make: Callable[[ShowProgress], EvaluationMaterial]) -> None:
    with progress_bar("Writing the report") as show:
        material = make(show)
        write_html(path, material, part_of(show, _GATHERED, 100))
    warn(f"The report is in {path}.")
