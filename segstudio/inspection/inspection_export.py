"""Taking a trace away: a stage's grid, the diagram, the arrays, a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.text import utf8
from segstudio.folder.browser import open_in_browser
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.report.trace_material import TraceMaterial
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.session.inspection import TracedNetwork
from segstudio.session.session import Session
from segstudio.storage.atomic import write_atomically
from segstudio.storage.formats.png import encode_rgb_png

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel

_NOTHING = "There is no traced network to export."
_NOTHING_HINT = "Open an image and choose a model: the Network panel traces it."


class InspectionExport:
    """Writes files of the shown trace in the background, on the lane "transfer".

    Exports don't supersede each other: what the user asked for is written, or a notice says why
    not. What was there before is only replaced by a complete file. Questions of the panel are
    answered meanwhile.
    """

    def __init__(
        self, session: Session, jobs: JobRunner, notices: Notices, inspecting: Inspecting
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._inspecting = inspecting

    def default_name(self, kind: str, extension: str) -> str:
        """A file name to suggest: image, model and what it is, like "cell-01-unet-report.html"."""
        traced = self._session.inspection.traced
        parts = [kind] if traced is None else [traced.document.ref.stem, traced.model, kind]
        text = "-".join(parts)
        kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in text)
        return f"{kept.strip('-.') or kind}.{extension}"

    def save_grid(self, path: Path, stage_id: str) -> Job | None:
        """Write all channels of a stage as one PNG in the panel's colours.

        Returns:
            The job; None if nothing is traced, which the user is told.
        """
        from segstudio.inspection.report.stage_grid import stage_grid

        def work(material: TraceMaterial, job: Job) -> None:
            picture = stage_grid(material, stage_id, job.check)
            write_atomically(path, encode_rgb_png(picture), durable=False)

        return self._plain(path, f"The channels of {stage_id} are in", work)

    def save_diagram_svg(self, path: Path) -> Job | None:
        """Write the diagram of the whole network with its stages' pictures as SVG."""
        from segstudio.inspection.report.drawing import diagram_svg

        def work(material: TraceMaterial, job: Job) -> None:
            text = diagram_svg(material, job.report)
            write_atomically(path, utf8(text), durable=False)

        return self._plain(path, "The diagram is in", work)

    def save_diagram_png(self, path: Path) -> Job | None:
        """Write the diagram of the whole network with its stages' pictures as PNG."""
        from segstudio.inspection.report.drawing import diagram_png

        def work(material: TraceMaterial, job: Job) -> None:
            picture = diagram_png(material, job.report)
            write_atomically(path, encode_rgb_png(picture), durable=False)

        return self._plain(path, "The diagram is in", work)

    def save_arrays(self, path: Path, stages: Sequence[str] | None = None) -> Job | None:
        """Write activations, input, logits and labels as .npz; see `arrays.write_arrays`.

        Args:
            path: The file.
            stages: Ids of the stages; None: all.
        """
        from segstudio.inspection.report.arrays import write_arrays

        def work(traced_model: TracedModel, material: TraceMaterial, job: Job) -> None:
            logits = traced_model.logits(job.check)
            write_arrays(path, material, stages, logits, job.report)

        return self._with_traced_model(path, "The arrays are in", work)

    def save_report(self, path: Path) -> Job | None:
        """Write a report of the image's way through the network as one HTML file."""
        from segstudio.inspection.report.trace_document import write_report

        def work(traced_model: TracedModel, material: TraceMaterial, job: Job) -> None:
            write_report(path, traced_model, material, job.check, job.report)

        return self._with_traced_model(path, "The report is in", work, can_open=True)

    def _plain(
        self, path: Path, said: str, work: Callable[[TraceMaterial, Job], None]
    ) -> Job | None:
        """Export what needs no network."""
        material = self._material()
        if material is None:
            return None
        return self._submit(path, said, lambda job: work(material, job), can_open=False)

    def _with_traced_model(
        self,
        path: Path,
        said: str,
        work: Callable[[TracedModel, TraceMaterial, Job], None],
        *,
        can_open: bool = False,
    ) -> Job | None:
        """Export what asks the network: it is fetched from the inspection's lane first."""
        material = self._material()
        if material is None:
            return None

        def fetched(traced_model: TracedModel) -> None:
            self._submit(
                path, said, lambda job: work(traced_model, material, job), can_open=can_open
            )

        def fetch(traced_model: TracedModel, _traced: TracedNetwork, _job: Job) -> TracedModel:
            return traced_model

        title = f"Writing {path.name}"
        return self._inspecting.submit(title, fetch, fetched, key=f"export {path}")

    def _submit(self, path: Path, said: str, work: Callable[[Job], None], *, can_open: bool) -> Job:
        opening = (
            ("Open", lambda: open_in_browser(path, self._jobs, self._notices)) if can_open else None
        )
        return self._jobs.submit(
            f"Writing {path.name}",
            "transfer",
            work,
            lambda _result: self._notices.info(f"{said} {path}.", action=opening),
        )

    def _material(self) -> TraceMaterial | None:
        inspection = self._session.inspection
        if inspection.traced is None:
            self._notices.warning(_NOTHING, _NOTHING_HINT)
            return None
        return TraceMaterial.of(inspection.traced, self._session.schema, inspection)
