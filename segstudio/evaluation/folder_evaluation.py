"""A whole evaluation in one call, for programs without a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segstudio.core.class_mapping import is_scored
from segstudio.core.schema import LabelSchema
from segstudio.evaluation.conditions import Conditions, References
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.evaluation.sums import RunSums
from segstudio.evaluation.work import EvaluationWork, Results, Trouble
from segstudio.jobs import Job
from segstudio.runs.engine import Engine
from segstudio.storage.figures import FigureStore
from segstudio.storage.mask_pattern import ChosenMasks
from segstudio.storage.project import Project, open_project
from segstudio.storage.schema_file import SCHEMA_NAME, read_schema
from segstudio.storage.truth import NOTHING_SAID, ReadAs, TruthIndex

_FOUND = ChosenMasks()


@dataclass(frozen=True, eq=False)
class FolderEvaluation:
    """What came of evaluating models on images.

    Attributes:
        conditions: The models, the classes, what was counted.
        references: What was measured against.
        table: The figures.
        trouble: What went wrong.
        in_models: Seconds spent in the models.
    """

    conditions: Conditions
    references: References
    table: EvaluationTable
    trouble: Trouble
    in_models: float


def evaluate_folder(
    engine: Engine | None,
    conditions: Conditions,
    references: References,
    figures: FigureStore,
    job: Job,
    *,
    limit: int = 0,
    again: bool = False,
) -> FolderEvaluation:
    """Evaluate models on the images of a folder; what is on disk is not computed again.

    Args:
        engine: Gives the loaded models; without it only what is on disk is measured.
        conditions: The models, the classes, what is counted.
        references: The folder and what is measured against.
        figures: Where figures are kept.
        job: Told how far it is, and asked whether to stop.
        limit: So many images and pages are done; 0 for all.
        again: Run the models also where a stored prediction would do.

    Raises:
        CancelledError: if the job was cancelled; what came so far is on disk.
    """
    images = references.files.project.images
    table = EvaluationTable()
    table.clear([ref.name for ref in images], conditions.schema)
    table.set_runs({c.id: c.spec.title for c in conditions.contenders})

    def take(results: Results) -> None:
        table.set_pages(results.pages)
        for index, run, row in results.rows:
            table.put(index, run, row)

    work = EvaluationWork(
        engine,
        conditions,
        references,
        figures,
        range(min(len(images), limit or len(images))),
        limit=limit,
        deliver=take,
        again=again,
    )
    while not work.work(job):
        continue  # what follows is not on disk: models are needed
    for run in table.runs:
        sums = RunSums(table.class_ids, table.schema.foreground_ids)
        sums.put({int(i): table.row(int(i), run) for i in table.indices(run)})
        table.publish(run, sums.total())
    return FolderEvaluation(conditions, references, table, work.trouble, work.models.seconds)


def opened_for(
    models: Sequence[LabelSchema],
    folder: Path,
    declared: LabelSchema | None = None,
    ignore: int | None = None,
    said: ReadAs = NOTHING_SAID,
    masks: ChosenMasks = _FOUND,
) -> tuple[Project, LabelSchema]:
    """A folder and the classes in which models are measured there, after a look at all masks.

    Args:
        models: The classes of the models, at least one's.
        folder: The images.
        declared: The folder's classes; else those of `segstudio.json`, else those that are found,
            with the models' names if their own are made up.
        ignore: Ground truth id that counts nowhere; else the classes'.
        said: How the values of the masks are read.
        masks: Where they are and how they are called; else they are found.

    Raises:
        SegstudioError: if the folder, the masks or their classes cannot be used.
    """
    said = replace(said, ignored=ignore)
    project = open_project(folder, said=said, masks=masks)
    if masks:
        place = masks.folder or project.images_root
        beside = place / SCHEMA_NAME
        if declared is None and beside.is_file():
            declared = read_schema(beside)
        truth = TruthIndex.at(
            place,
            project.images,
            declared,
            said=said,
            pattern=masks.pattern,
            as_is=True,
            of_photos=True,
        )
        project = replace(project, truth=truth, schema=declared)
    if project.truth is not None:
        project = replace(project, truth=project.truth.settled(project.images))
    schema = declared or project.schema
    if schema is not None:
        schema = replace(schema, words=project.words)
    else:
        schema = _named_like(models, project)
    if ignore is not None:
        schema = replace(schema, ignore_index=ignore)
    return project, schema


def _named_like(models: Sequence[LabelSchema], project: Project) -> LabelSchema:
    """The classes of the ground truth, with the models' names if theirs are made up."""
    first = models[0]
    if project.truth is None:
        return first
    schema = replace(project.truth.schema, words=project.words)
    agree = all(model.names == first.names for model in models)
    same = agree and set(schema.scored_ids) == set(first.ids) and is_scored(first, schema)
    if project.truth.declared or not same:
        return schema
    return replace(first, ignore_index=schema.ignore_index)
