"""`segstudio evaluate`: predicted masks against ground truth."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Final

from segstudio.cli.errors import FAILURE, OK, InputError, input_errors, require_folder
from segstudio.cli.evaluation_report import Compared, report_of
from segstudio.cli.evaluation_tables import print_report
from segstudio.cli.mask_pairs import MaskFolders, Pair, Sides
from segstudio.cli.mask_report import Measured, material_of
from segstudio.cli.objects import ObjectCounts
from segstudio.cli.options import Missing, option_of
from segstudio.cli.output import print_json, progress_bar, warn
from segstudio.cli.report_files import check_report, options_text, write_material
from segstudio.core.answer import Answer
from segstudio.core.errors import SegstudioError
from segstudio.metrics.bootstrap import PairedDifference, paired_difference
from segstudio.metrics.detection_curves import DETECTIONS
from segstudio.metrics.image_figures import ImageFigures, figures_of, measures_with
from segstudio.metrics.measure import AnyMeasure
from segstudio.storage.image_ref import ImageRef

_REMARKS: Final = 5


@dataclass(frozen=True)
class Request:
    """What the command was asked to do.

    Attributes:
        sides: Predictions and ground truth.
        per_image: Whether to list every image.
        wanted: What is counted besides IoU, Dice and accuracy.
        against: Another folder of predicted masks, whose difference is bootstrapped.
        missing: What ground truth without a prediction counts as.
        report: Where to write a report as HTML, if wanted.
        images: Folder of the photos, for the report's pictures.
    """

    sides: Sides
    per_image: bool = False
    wanted: tuple[AnyMeasure, ...] = ()
    against: Path | None = None
    missing: Missing = Missing.IGNORE
    report: Path | None = None
    images: Path | None = None

    @property
    def counted(self) -> tuple[AnyMeasure, ...]:
        """What is counted: a report has more than is asked for."""
        if self.report is None:
            return self.wanted
        return measures_with({measure.key for measure in self.wanted})


@dataclass
class _Counts:
    """What was counted over the images of a folder."""

    figures: dict[Path, ImageFigures] = field(default_factory=dict)
    without_truth: list[str] = field(default_factory=list)
    objects: ObjectCounts = field(default_factory=ObjectCounts)
    remarks: list[str] = field(default_factory=list)


def evaluate(request: Request, *, as_json: bool) -> int:
    """Compare two folders of masks and print the scores.

    Masks are matched by name as images and their ground truth are. Ground truth of instances
    counts as one class.

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
    if request.images is not None:
        require_folder(request.images)
    sides = request.sides
    with input_errors():
        folders, counts = _counted(request, sides, request.counted)
        compared = Compared(
            folders,
            tuple(counts.figures.values()),
            counts.objects,
            tuple(counts.without_truth),
            request.counted,
            request.missing,
            (*folders.notes, *_shortened(counts.remarks), *(folders.by_number if as_json else ())),
        )
        measured = [Measured(sides.pred_dir, folders, counts.figures)]
        difference = None
        if request.against is not None:
            wanted = request.counted if request.report is not None else ()
            other = replace(sides, pred_dir=request.against, pred_instances=None, detections=None)
            masks, others = _counted(request, other, wanted)
            difference = _difference(compared, counts, others, request)
            measured.append(Measured(request.against, masks, others.figures))
    for note in folders.by_number:
        warn(f"note: {note}")
    report = report_of(compared, per_image=request.per_image)
    if difference is not None:
        report["bootstrap"] = compared.bootstrap_row(difference, measured[1])
    if as_json:
        print_json(report)
    else:
        print_report(report, per_image=request.per_image)
    if request.report is not None:
        _write_report(request, compared, measured)
    if folders.missing:
        warn(f"error: {folders.missing_text(sides.pred_dir)}")
    return FAILURE if folders.missing else OK


def _shortened(remarks: list[str]) -> list[str]:
    more = len(remarks) - _REMARKS
    return [*remarks[:_REMARKS], *([f"The same holds of {more} more masks."] if more > 0 else [])]


def _write_report(request: Request, compared: Compared, measured: list[Measured]) -> None:
    assert request.report is not None
    others = [f for one in measured[1:] for f in one.figures.values()]
    ids = compared.ids_with(others)
    with input_errors():
        material = material_of(measured, ids, request.images, _command(request), request.missing)
    write_material(request.report, material)


def _command(request: Request) -> str:
    """The line that evaluates the same."""
    sides, usual = request.sides, Request(request.sides)
    options = (
        ("schema", sides.schema_file),
        ("ignore", sides.ignore),
        ("pattern", None if sides.pattern is None else sides.pattern.text),
        ("pred-instances", sides.pred_instances),
        ("gt-instances", sides.gt_instances),
        ("detections", sides.detections),
        ("truth-kind", option_of(sides.truth_kind)),
        ("pred-kind", option_of(sides.pred_kind)),
        ("class-0", sides.zero),
        ("missing", None if request.missing == usual.missing else request.missing.value),
        *((m.option, True) for m in request.wanted if m.choice),
        ("bootstrap", request.against is not None),
        ("against", request.against),
        ("images", request.images),
        ("report", request.report),
    )
    words = ["segstudio", "evaluate", str(sides.pred_dir), str(sides.gt_dir)]
    return shlex.join([*words, *options_text(options)])


def _counted(
    request: Request, sides: Sides, wanted: Sequence[AnyMeasure]
) -> tuple[MaskFolders, _Counts]:
    folders = MaskFolders.open(sides, with_detections=DETECTIONS in wanted)
    return folders, _count(folders, wanted, request.missing)


def _count(folders: MaskFolders, wanted: Sequence[AnyMeasure], missing: Missing) -> _Counts:
    counts = _Counts()
    empty = folders.empty_pairs() if missing is Missing.BACKGROUND else ()
    with progress_bar("Comparing") as show:
        for done, pair in enumerate(chain(folders.pairs(), empty)):
            show(done, len(folders.refs) + len(folders.missing))
            if isinstance(pair, ImageRef):
                counts.without_truth.append(pair.name)
                continue
            answer = Answer(
                pair.prediction.labels, pair.predicted_objects, scores=pair.scores, found=pair.found
            )
            figures = figures_of(pair.truth, answer, folders.schema, wanted, pair.name)
            _require_known_ids(folders, pair, figures)
            counts.figures[pair.truth_path] = figures
            counts.objects.add(pair.truth.instances, pair.predicted_objects)
            counts.remarks += pair.remarks
    return counts


def _require_known_ids(folders: MaskFolders, pair: Pair, figures: ImageFigures) -> None:
    if not folders.declared:
        return
    # The ignored id says nothing: it is of no class, with a class list as without one.
    known = {*folders.schema.ids, folders.schema.ignore_index, folders.schema.elsewhere_id}
    unknown = [i for i in figures.pairs.predicted_ids if i not in known]
    if unknown:
        raise SegstudioError(
            f"The prediction {pair.name} has class ids that the schema does not know: "
            f"{', '.join(map(str, unknown))}.",
            "Give the schema of the classes that were predicted with --schema.",
        )


def _difference(
    compared: Compared, counts: _Counts, others: _Counts, request: Request
) -> PairedDifference:
    """How the predictions differ from those of the other folder, on the images of both."""
    common = [path for path in counts.figures if path in others.figures]
    if not common:
        raise InputError(
            f"{request.sides.pred_dir} and {request.against} have no image in common.",
            "Both need predictions of the same images.",
        )
    other_figures = [others.figures[path] for path in common]
    class_ids = compared.ids_with(other_figures)
    return paired_difference(
        [f.pairs for f in other_figures],
        [counts.figures[path].pairs for path in common],
        class_ids,
        foreground_ids=compared.schema.foreground_among(class_ids),
    )
