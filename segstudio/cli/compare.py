"""`segstudio compare`: several models on the same images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from segstudio.cli.compare_report import report_of
from segstudio.cli.compare_tables import print_report
from segstudio.cli.exit_codes import FAILURE, OK, InputError, input_errors
from segstudio.cli.loading import fetch_weights, models_with, on_fastest_route, own_specs
from segstudio.cli.output import print_json, progress_bar, warn
from segstudio.cli.report_files import write_comparison
from segstudio.cli.shown_job import ShownJob
from segstudio.cli.writable import check_report
from segstudio.core.class_mapping import why_unscored
from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, RunOptions, route_key
from segstudio.core.progress import no_check
from segstudio.core.schema import LabelSchema
from segstudio.evaluation.conditions import Conditions, Contender, References
from segstudio.evaluation.folder_evaluation import FolderEvaluation, evaluate_folder, opened_for
from segstudio.evaluation.own_pixels import (
    IMAGES_OF_OWN,
    Started,
    own_images,
    own_pixels_notes,
    started_on_disk,
)
from segstudio.folder.files import FolderFiles
from segstudio.metrics.measure import AnyMeasure
from segstudio.runs.engine import TorchEngine
from segstudio.storage.decode import LoadedImage
from segstudio.storage.figures import FigureStore
from segstudio.storage.folders import require_folder, user_folders
from segstudio.storage.mask_pattern import ChosenMasks
from segstudio.storage.predictions import PredictionStore
from segstudio.storage.schema_file import read_schema
from segstudio.storage.truth import NOTHING_SAID, ReadAs, TruthIndex
from segstudio.storage.writer_maps import WriterMaps

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOW_TO_SAY: Final = (
    "--schema FILE names the classes of the ground truth as the model does; what is chosen in the "
    "window (Evaluation > Class mapping) counts too."
)


@dataclass(frozen=True)
class ComparisonRequest:
    """What the command was asked to do.

    Attributes:
        folder: The images.
        models: Ids of models or of named runs, or files of weights.
        schema_file: Classes; else `segstudio.json` beside the masks, else the ids that are found.
        ignore: Ground truth id that counts nowhere; else the schema's.
        options: How the models run.
        wanted: What is told besides IoU, Dice and accuracy.
        bootstrap: Whether to tell how sure the differences are.
        limit: Stop after this many images; 0 for all.
        again: Run the models also where their answers are on disk.
        report: Where to write a report as HTML, if wanted.
        said: How the values of the ground truth are read.
        masks: What is known to be masks.
        command: The line that asks for this, for the report.
        choices: "NAME=VALUE", what files of weights do not tell about their networks.
        exact: Whether no faster way to run the models is taken.
    """

    folder: Path
    models: tuple[str, ...]
    schema_file: Path | None = None
    ignore: int | None = None
    options: RunOptions = field(default_factory=RunOptions)
    wanted: tuple[AnyMeasure, ...] = ()
    bootstrap: bool = False
    limit: int = 0
    again: bool = False
    report: Path | None = None
    said: ReadAs = NOTHING_SAID
    masks: ChosenMasks = field(default_factory=ChosenMasks)
    command: str = ""
    choices: tuple[str, ...] = ()
    exact: bool = False


def compare(request: ComparisonRequest, *, as_json: bool) -> int:
    """Run models on a folder, rank them, and tell where they disagree.

    Answers and figures are kept on disk, for the window too; what is there is not computed again.

    Returns:
        The exit code: 1 if an image or a model failed.

    Raises:
        InputError: if the folder, the ground truth, the classes or a model cannot be used.
        SegstudioError: if the report cannot be written; the figures are printed all the same.
    """
    check_report(request.report)
    with input_errors():
        if not request.folder.is_file():  # an image stands for its folder
            require_folder(request.folder)
        specs = _specs(request.models, request.choices)
        schema = None if request.schema_file is None else read_schema(request.schema_file)
        project, schema = opened_for(
            [spec.schema for spec in specs],
            request.folder,
            schema,
            request.ignore,
            request.said,
            request.masks,
        )
        unscored = _unscored(specs, schema, _doubts(project.truth))
    for note in unscored:
        warn(f"note: {note}")
    for spec in specs:
        fetch_weights(spec)
    folders = user_folders()
    store = PredictionStore(folders.data / "predictions")
    figures = FigureStore(folders.cache / "figures.sqlite")
    try:
        files = FolderFiles(project, store, writers=WriterMaps(project.provenance))
        if not request.exact:
            count = min(len(project.images), request.limit or len(project.images))

            def first() -> LoadedImage:
                return files.image(project.images[0], no_check)[0]

            specs = [on_fastest_route(spec, count, first, request.options) for spec in specs]
        found = _evaluated(request, specs, files, schema, figures)
        _print(request, found, project.unread, unscored, as_json=as_json)
        if request.report is not None:
            write_comparison(request.report, found, request.command)
    finally:
        figures.close()
        store.close()
    return _tell_trouble(found)


def _doubts(truth: TruthIndex | None) -> list[str]:
    """What the masks do not tell, with the way to say it."""
    doubts = () if truth is None else truth.doubts
    return [f"ground truth: {d.message} {d.option}" for d in doubts]


def _unscored(specs: Sequence[ModelSpec], schema: LabelSchema, doubts: Sequence[str]) -> list[str]:
    """Which models are not scored, since it is not known what their classes are in the folder.

    Args:
        specs: The models.
        schema: The classes of the ground truth.
        doubts: What may be why they are not known.

    Raises:
        InputError: if no model would be scored.
    """
    notes = []
    for spec in specs:
        why = why_unscored(spec.schema, schema)
        if why:
            notes.append(f"{spec.title} is not scored: {why}")
    if len(notes) == len(specs):
        raise InputError(" ".join(notes), " ".join([_HOW_TO_SAY, *doubts]))
    return [f"{note} {_HOW_TO_SAY}" for note in notes]


def _print(
    request: ComparisonRequest,
    found: FolderEvaluation,
    unread: str,
    unscored: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """Print what came out; before a report is written, which may fail."""
    if not any(len(found.table.indices(run, scored=True)) for run in found.table.runs):
        _tell_trouble(found)
        raise InputError(
            f"No image in {request.folder} has ground truth that can be used.",
            unread or "Masks are matched by name; give their folder with --gt.",
        )
    told = report_of(found, request.wanted, bootstrap=request.bootstrap)
    project = found.references.files.project
    truth = project.truth
    told["ground_truth_values"] = None if truth is None else truth.kind
    told["ground_truth_reading"] = None if truth is None else truth.in_words
    # said on stderr as well
    started = _started(found)
    told["notes"] = [
        *filter(None, [project.special]),
        *found.references.doubts,
        *(unscored if as_json else []),
        *own_pixels_notes(started, found.table),
    ]
    own = own_images(started, found.table)
    routes = {c.id: route_key(c.spec) for c in found.conditions.contenders}
    for row in told["models"]:
        row[IMAGES_OF_OWN] = own[row["id"]]
        row["route"] = routes.get(row["id"], "") or "exact"
    if as_json:
        print_json(told)
    else:
        print_report(told)


def _started(found: FolderEvaluation) -> Started:
    table = found.table
    places = {int(i) for run in table.runs for i in table.indices(run, scored=True)}
    return started_on_disk(found.references, sorted(places))


def _evaluated(
    request: ComparisonRequest,
    specs: Sequence[ModelSpec],
    files: FolderFiles,
    schema: LabelSchema,
    figures: FigureStore,
) -> FolderEvaluation:
    conditions = Conditions(
        tuple(Contender.of(spec, request.options) for spec in specs),
        schema,
        frozenset(m.key for m in request.wanted if m.choice),
    )
    references = References(files, schema, saved=not request.masks)
    with progress_bar("Comparing") as show:
        return evaluate_folder(
            TorchEngine(),
            conditions,
            references,
            figures,
            ShownJob("Comparing", show),
            limit=request.limit,
            again=request.again,
        )


def _specs(names: Sequence[str], choices: Sequence[str]) -> list[ModelSpec]:
    """The models by id, named runs by id, or files of weights, each once."""
    known = models_with(names)
    wanted = list(dict.fromkeys(names))
    files = {name: Path(name).resolve() for name in wanted if name not in known}
    for name, file in files.items():
        if not file.is_file():
            raise SegstudioError(
                f"There is no model {name!r}.", "segstudio models lists them; or give a file."
            )
    own = dict(zip(files, own_specs(list(files.values()), choices), strict=True))
    found = {spec.id: spec for spec in (known.get(name) or own[name] for name in wanted)}
    if not found:
        raise SegstudioError("Say which models to compare with --models A,B.")
    return list(found.values())


def _tell_trouble(found: FolderEvaluation) -> int:
    """Say on stderr what went wrong; the exit code."""
    trouble, table = found.trouble, found.table
    for run, error in trouble.broken.items():
        warn(f"error: {table.title(run)}: {error}")
    for name, error in (*trouble.failures, *trouble.unmeasured):
        warn(f"error: {name}: {error}")
    if trouble.unsaved:
        warn(f"{len(trouble.unsaved)} predictions were not kept on disk: {trouble.unsaved[0]}")
    return FAILURE if trouble.broken or trouble.failures or trouble.unmeasured else OK
