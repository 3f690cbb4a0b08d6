"""Taking an evaluation away: a report, and the figures for other programs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.prediction import ModelSpec, RunOptions
from segstudio.evaluation.conditions import Conditions, Contender
from segstudio.evaluation.evaluating import Evaluating
from segstudio.folder.browser import open_in_browser
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.core.progress import Report
    from segstudio.evaluation.report.gathering import EvaluatedFolder
    from segstudio.evaluation.report.material import EvaluationMaterial

_USUAL = RunOptions()
_NOTHING = "There is nothing to report: no model was evaluated on this folder."
_NOTHING_HINT = "Evaluate models in the Evaluation panel first."


@dataclass(frozen=True)
class _Kind:
    """A kind of file: what it is called, how it is written, whether a browser shows it."""

    name: str
    write: Callable[[Path, EvaluationMaterial, Report], None]
    can_open: bool = False


class EvaluationExport:
    """Writes files of the evaluated models in the background, on the lane "transfer".

    What is written is the evaluation at the moment when it was asked for, of the images that all
    models were measured on. What was there before is only replaced by a complete file.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        evaluating: Evaluating,
        documents: Documents,
        folder: OpenFolder,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._evaluating, self._documents, self._folder = evaluating, documents, folder

    def default_name(self, extension: str) -> str:
        """A file name to suggest, like "nuclei-evaluation.html"."""
        project = self._session.project
        text = "evaluation" if project is None else f"{project.name}-evaluation"
        kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in text)
        return f"{kept.strip('-.') or 'evaluation'}.{extension}"

    def save_html(self, path: Path, runs: Sequence[str] | None = None) -> Job | None:
        """Write a report of tables, charts and the worst images as one HTML file.

        Args:
            path: The file.
            runs: Ids of the models; None: all that were evaluated.

        Returns:
            The job; None if nothing was evaluated, which the user is told.
        """
        from segstudio.evaluation.report.report_document import write_html

        return self._save(path, _Kind("report", write_html, can_open=True), runs)

    def save_csv(self, path: Path, runs: Sequence[str] | None = None) -> Job | None:
        """Write the scores of every image and model as CSV; see `save_html`."""
        from segstudio.evaluation.report.data_files import write_csv

        return self._save(path, _Kind("scores of the images", write_csv), runs)

    def save_json(self, path: Path, runs: Sequence[str] | None = None) -> Job | None:
        """Write all figures as JSON; see `save_html`."""
        from segstudio.evaluation.report.data_files import write_json

        return self._save(path, _Kind("figures", write_json), runs)

    def _save(self, path: Path, kind: _Kind, runs: Sequence[str] | None) -> Job | None:
        from segstudio.evaluation.report.gathering import gather
        from segstudio.report.page import part_of

        evaluated = self._evaluated(runs)
        if evaluated is None:
            self._notices.warning(_NOTHING, _NOTHING_HINT)
            return None

        def work(job: Job) -> None:
            material = gather(evaluated, job.check, part_of(job.report, 0, 40))
            kind.write(path, material, part_of(job.report, 40, 100))

        opening = (
            ("Open", lambda: open_in_browser(path, self._jobs, self._notices))
            if kind.can_open
            else None
        )
        verb = "are" if kind.name.endswith("s") else "is"
        said = f"The {kind.name} {verb} in {path}."
        return self._jobs.submit(
            f"Writing {path.name}",
            "transfer",
            work,
            lambda _none: self._notices.info(said, action=opening),
        )

    def _evaluated(self, runs: Sequence[str] | None) -> EvaluatedFolder | None:
        """The evaluation as it is now; None if there is none."""
        from segstudio.evaluation.report.gathering import EvaluatedFolder

        files, table, session = self._folder.files, self._evaluating.table, self._session
        wanted = table.runs if runs is None else [run for run in table.runs if run in runs]
        chosen = [run for run in wanted if run in session.models]
        if files is None or not any(len(table.indices(run, scored=True)) for run in chosen):
            return None
        options = session.model.options
        conditions = Conditions(
            tuple(Contender.of(session.models[run], options) for run in chosen),
            table.schema,
            session.evaluation.asked,
            session.evaluation.originals,
        )
        held = {d.ref: d.annotation.copy() for d in self._documents.dirty()}
        references = conditions.references(files, held)
        return EvaluatedFolder.of(
            table, conditions, references, _command(conditions, options, files)
        )


def _command(conditions: Conditions, options: RunOptions, files: FolderFiles) -> str:
    """The line that evaluates the same; "" if it does not take what was chosen."""
    if conditions.originals or replace(options, device=_USUAL.device) != _USUAL:
        return ""
    specs = [contender.spec for contender in conditions.contenders]
    models = [_name_of(spec) for spec in specs]
    words = ["segstudio", "compare", str(files.project.root), "--models", ",".join(models)]
    for name in dict.fromkeys(q.option for spec in specs for q in spec.questions):
        chosen = {spec.options[name] for spec in specs if name in spec.options}
        if len(chosen) > 1:  # one word for all files
            return ""
        words += [word for value in chosen for word in ("--set", f"{name}={value}")]
    words += [f"--{m.option}" for m in conditions.wanted if m.choice]
    return shlex.join([*words, "--report", "report.html"])


def _name_of(spec: ModelSpec) -> str:
    """What the command line knows a model by: its id, or the user's own file of weights."""
    weights = spec.weights
    if spec.made_of is None and weights is not None and Path(weights.filename).is_absolute():
        return weights.filename
    return spec.id
