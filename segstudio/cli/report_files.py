"""The reports that `segstudio evaluate` and `segstudio compare` write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from segstudio.cli.output import ShowProgress, progress_bar, warn
from segstudio.core.progress import no_check
from segstudio.evaluation.folder_evaluation import FolderEvaluation
from segstudio.evaluation.report.gathering import EvaluatedFolder, gather
from segstudio.evaluation.report.material import EvaluationMaterial
from segstudio.evaluation.report.report_document import write_html
from segstudio.report.page import part_of

_GATHERED = 40


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
    _write(path, lambda show: gather(evaluated, no_check, part_of(show, 0, _GATHERED)))


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
