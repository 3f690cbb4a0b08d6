"""A whole evaluation in one call, for programs without a window."""

from __future__ import annotations

from dataclasses import dataclass

from segstudio.evaluation.evaluation_inputs import Conditions, References
from segstudio.evaluation.evaluation_sums import RunSums
from segstudio.evaluation.evaluation_table import EvaluationTable
from segstudio.evaluation.evaluation_work import EvaluationWork, Results, Trouble
from segstudio.jobs import Job
from segstudio.runs.engine import Engine
from segstudio.storage.figures import FigureStore


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
