"""`segstudio evaluate`: predicted masks against ground truth."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path

from segstudio.cli.errors import OK, InputError, input_errors, require_folder
from segstudio.cli.evaluation_report import Compared, report_of
from segstudio.cli.evaluation_tables import print_report
from segstudio.cli.mask_pairs import MaskFolders, Pair
from segstudio.cli.mask_report import Measured, material_of
from segstudio.cli.objects import ObjectCounts
from segstudio.cli.output import print_json, progress_bar
from segstudio.cli.report_files import check_report, options_text, write_material
from segstudio.core.answer import Answer
from segstudio.core.bootstrap import PairedDifference, paired_difference
from segstudio.core.errors import SegstudioError
from segstudio.core.image_figures import ImageFigures, Wanted, figures_of
from segstudio.storage.image_ref import ImageRef


@dataclass(frozen=True)
class Request:
    """What the command was asked to do.

    Attributes:
        pred_dir: Predicted masks.
        gt_dir: Ground truth masks.
        schema_file: Classes; else `segstudio.json` in `gt_dir`, else the ids that are found.
        ignore: Ground truth id that counts nowhere; else the schema's.
        per_image: Whether to list every image.
        wanted: Which figures are counted besides IoU, Dice and accuracy.
        against: Another folder of predicted masks, whose difference is bootstrapped.
        report: Where to write a report as HTML, if wanted.
        images: Folder of the photos, for the report's pictures.
    """

    pred_dir: Path
    gt_dir: Path
    schema_file: Path | None = None
    ignore: int | None = None
    per_image: bool = False
    wanted: Wanted = field(default_factory=Wanted)
    against: Path | None = None
    report: Path | None = None
    images: Path | None = None

    @property
    def counted(self) -> Wanted:
        """Which figures are counted: a report has more than is asked for."""
        if self.report is None:
            return self.wanted
        return replace(self.wanted, boundary=True, panoptic=True, instances=True, sizes=True)


@dataclass
class _Counts:
    """What was counted over the images of a folder."""

    figures: dict[Path, ImageFigures] = field(default_factory=dict)
    without_truth: list[str] = field(default_factory=list)
    objects: ObjectCounts = field(default_factory=ObjectCounts)


def evaluate(request: Request, *, as_json: bool) -> int:
    """Compare two folders of masks and print the scores.

    Masks are matched by name as images and their ground truth are. Ground truth of instances
    counts as one class.

    Args:
        request: What to compare.
        as_json: Print one JSON document instead of tables.

    Returns:
        The exit code.

    Raises:
        InputError: if a folder, a mask or the schema cannot be used; names the files.
    """
    check_report(request.report)
    if request.images is not None:
        require_folder(request.images)
    with input_errors():
        folders, counts = _counted(request, request.pred_dir, request.counted)
        compared = Compared(
            folders.schema,
            tuple(counts.figures.values()),
            counts.objects,
            tuple(counts.without_truth),
            request.counted,
            folders.truth.kind,
        )
        measured = [Measured(request.pred_dir, folders, counts.figures)]
        difference = None
        if request.against is not None:
            wanted = request.counted if request.report is not None else Wanted()
            masks, others = _counted(request, request.against, wanted)
            difference = _difference(compared, counts, others, request)
            measured.append(Measured(request.against, masks, others.figures))
    if request.report is not None:
        _write_report(request, compared, measured)
    report = report_of(compared, per_image=request.per_image)
    if difference is not None:
        report["bootstrap"] = compared.bootstrap_row(difference, str(request.against))
    if as_json:
        print_json(report)
    else:
        print_report(report, per_image=request.per_image)
    return OK


def _write_report(request: Request, compared: Compared, measured: list[Measured]) -> None:
    assert request.report is not None
    others = [f for one in measured[1:] for f in one.figures.values()]
    ids = compared.ids_with(others)
    with input_errors():
        material = material_of(measured, request.gt_dir, ids, request.images, _command(request))
    write_material(request.report, material)


def _command(request: Request) -> str:
    """The line that evaluates the same."""
    options = (
        ("schema", request.schema_file),
        ("ignore", request.ignore),
        ("hausdorff", request.wanted.hausdorff),
        ("bootstrap", request.against is not None),
        ("against", request.against),
        ("images", request.images),
        ("report", request.report),
    )
    words = ["segstudio", "evaluate", str(request.pred_dir), str(request.gt_dir)]
    return shlex.join([*words, *options_text(options)])


def _counted(request: Request, pred_dir: Path, wanted: Wanted) -> tuple[MaskFolders, _Counts]:
    folders = MaskFolders.open(pred_dir, request.gt_dir, request.schema_file, request.ignore)
    counts = _count(folders, wanted)
    if not counts.figures:
        raise InputError(
            f"No mask in {pred_dir} has ground truth in {request.gt_dir}.",
            "Masks are matched by name; ground truth may end with _mask, _label or _gt.",
        )
    return folders, counts


def _count(folders: MaskFolders, wanted: Wanted) -> _Counts:
    counts = _Counts()
    with progress_bar("Comparing") as show:
        for done, pair in enumerate(folders.pairs()):
            show(done, len(folders.refs))
            if isinstance(pair, ImageRef):
                counts.without_truth.append(pair.name)
                continue
            answer = Answer(pair.prediction.labels, pair.predicted_objects, scores=pair.scores)
            figures = figures_of(pair.truth, answer, folders.schema, wanted, pair.name)
            _require_known_ids(folders, pair, figures)
            counts.figures[pair.truth_path] = figures
            counts.objects.add(pair.truth.instances, pair.predicted_objects)
    return counts


def _require_known_ids(folders: MaskFolders, pair: Pair, figures: ImageFigures) -> None:
    if not folders.declared:
        return
    known = set(folders.schema.ids)
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
            f"{request.pred_dir} and {request.against} have no image in common.",
            "Both need predictions of the same images.",
        )
    other_figures = [others.figures[path] for path in common]
    return paired_difference(
        [f.pairs for f in other_figures],
        [counts.figures[path].pairs for path in common],
        compared.ids_with(other_figures),
    )
