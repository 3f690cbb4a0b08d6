"""`segstudio evaluate`: predicted masks against ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segstudio.cli.evaluation_report import bootstrap_row, report_of
from segstudio.cli.evaluation_tables import print_report
from segstudio.cli.exit_codes import FAILURE, OK, input_errors
from segstudio.cli.output import print_json, progress_bar, warn
from segstudio.cli.report_files import write_material
from segstudio.cli.shown_job import ShownJob
from segstudio.cli.writable import check_report
from segstudio.evaluation.mask_evaluation import MaskEvaluation, evaluate_masks, material_of
from segstudio.evaluation.mask_pairs import MaskSides, Missing
from segstudio.metrics.image_figures import measures_with
from segstudio.metrics.measure import AnyMeasure
from segstudio.storage.folders import require_folder


@dataclass(frozen=True)
class EvaluationRequest:
    """What the command was asked to do.

    Attributes:
        sides: Predictions and ground truth.
        per_image: Whether to list every image.
        wanted: What is counted besides IoU, Dice and accuracy.
        against: Another folder of predicted masks, whose difference is bootstrapped.
        missing: What ground truth without a prediction counts as.
        report: Where to write a report as HTML, if wanted.
        images: Folder of the photos, for the report's pictures.
        command: The line that asks for this, for the report.
    """

    sides: MaskSides
    per_image: bool = False
    wanted: tuple[AnyMeasure, ...] = ()
    against: Path | None = None
    missing: Missing = "ignore"
    report: Path | None = None
    images: Path | None = None
    command: str = ""

    @property
    def counted(self) -> tuple[AnyMeasure, ...]:
        """What is counted: a report has more than is asked for."""
        if self.report is None:
            return self.wanted
        return measures_with({measure.key for measure in self.wanted})


def evaluate(request: EvaluationRequest, *, as_json: bool) -> int:
    """Compare two folders of masks and print the scores.

    Args:
        request: What to compare.
        as_json: Print one JSON document instead of tables.

    Returns:
        The exit code: 1 if ground truth has no prediction.

    Raises:
        InputError: if a folder, a mask or the schema cannot be used; names the files.
        SegstudioError: if the report cannot be written; the figures are printed all the same.
    """
    check_report(request.report)
    with input_errors():
        if request.images is not None:
            require_folder(request.images)
        found = _counted(request, request.sides, request.counted)
        measured, difference = [found], None
        if request.against is not None:
            wanted = request.counted if request.report is not None else ()
            sides = replace(
                request.sides, pred_dir=request.against, pred_instances=None, detections=None
            )
            measured.append(_counted(request, sides, wanted))
            difference = found.minus(measured[1])
    masks = found.masks
    for note in masks.by_number:
        warn(f"note: {note}")
    notes = (*found.notes, *(masks.by_number if as_json else ()))
    report = report_of(found, notes, per_image=request.per_image)
    if difference is not None:
        report["bootstrap"] = bootstrap_row(difference, found, measured[1])
    if as_json:
        print_json(report)
    else:
        print_report(report, per_image=request.per_image)
    if request.report is not None:
        with input_errors():
            material = material_of(measured, request.images, request.command)
        write_material(request.report, material)
    if masks.missing:
        warn(f"error: {masks.missing_text()}")
    return FAILURE if masks.missing else OK


def _counted(
    request: EvaluationRequest, sides: MaskSides, wanted: Sequence[AnyMeasure]
) -> MaskEvaluation:
    with progress_bar("Comparing") as show:
        return evaluate_masks(sides, ShownJob("Comparing", show), wanted, request.missing)
