"""Published weights in one place: which are on this disk, fetching, stopping, checking, deleting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from psygnal import Signal

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import bytes_text, percent_text
from segstudio.core.prediction import ModelSpec
from segstudio.jobs import Job, JobRunner
from segstudio.models.weights import Shelved, delete, require_weights, shelved, weights_folder
from segstudio.notices import Notices
from segstudio.runs.engine import Engine
from segstudio.runs.segmenting import Segmenting
from segstudio.session.session import Change, Session, What

State = Literal["embedded", "here", "absent", "part", "waiting", "arriving", "failed", "missing"]
_ARRIVING: Final = ("waiting", "arriving")


@dataclass(frozen=True)
class DownloadRow:
    """One model and its weights.

    Attributes:
        spec: The model.
        state: What of its weights is here.
        place: Where they are, or None.
        done: Bytes that arrived.
        total: Bytes in all, 0 if unknown.
        trouble: Why the last download failed, and what to do.
        is_ours: Whether they may be deleted.
    """

    spec: ModelSpec
    state: State
    place: str = ""
    done: int = 0
    total: int = 0
    trouble: str = ""
    is_ours: bool = False

    @property
    def share(self) -> float:
        """How much arrived, 0..1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def is_under_way(self) -> bool:
        """Whether it arrives or waits for its turn."""
        return self.state in _ARRIVING

    @property
    def can_be_fetched(self) -> bool:
        """Whether there is something to download."""
        return self.state in ("absent", "part", "failed")

    @property
    def text(self) -> str:
        """The state in a few words."""
        of = f"{bytes_text(self.done)} of {bytes_text(self.total)}" if self.total else ""
        return {
            "embedded": "built in",
            "here": "on disk",
            "absent": "not on disk",
            "part": f"stopped at {of}",
            "waiting": "waits for its turn",
            "arriving": f"{percent_text(self.share, 0)}, {of}",
            "failed": f"failed at {of}" if self.done else "failed",
            "missing": "file is missing",
        }[self.state]

    @property
    def explanation(self) -> str:
        """Where the weights are, or why they are not, from where and whereto."""
        if self.trouble:
            return self.trouble
        if self.place:
            return self.place
        file = self.spec.weights
        if file is None or not file.url:
            return ""
        return f"From {file.url}. By hand: put the file into {weights_folder()}."


class Downloads:
    """The weights of all models; fetches one after the other.

    Signals:
        changed: A row has another state.
    """

    changed = Signal()

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        engine: Engine,
        segmenting: Segmenting,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._engine, self._segmenting = engine, segmenting
        self._shelf: dict[str, Shelved] = {}
        self._failed: dict[str, str] = {}
        session.follow(What.MODELS, self._on_models)

    def rows(self) -> tuple[DownloadRow, ...]:
        """All plain models with weights, in the order of the list of models."""
        under_way = {job.key: job for job in self._jobs.jobs() if job.lane == "transfer"}
        specs = (s for s in self._known().values() if s.made_of is None and s.weights)
        return tuple(self._row(spec, under_way.get(_key(spec.id))) for spec in specs)

    def _known(self) -> dict[str, ModelSpec]:
        """Models that run on images, and those that answer points."""
        return {**self._session.models, **self._session.prompters}

    def refresh(self) -> None:
        """Look what is on this disk."""
        specs = [s for s in self._known().values() if s.made_of is None and s.weights]

        def work(job: Job) -> dict[str, Shelved]:
            found = {}
            for spec in specs:
                job.check()
                found[spec.id] = shelved(spec)
            return found

        def done(found: dict[str, Shelved]) -> None:
            self._shelf = found
            self.changed.emit()

        self._jobs.submit("Looking for weights", "recent", work, done, key="shelf", visible=False)

    def start(self, model_id: str) -> None:
        """Fetch a model's weights; what arrived before is not fetched again."""
        spec = self._known().get(model_id)
        if spec is None:
            return
        self._failed.pop(model_id, None)

        def done(_result: None) -> None:
            self._segmenting.mark_available(spec)
            purpose = "for the tool Point and box" if spec.task == "promptable" else "to run"
            self._notices.info(f"{spec.title} is ready {purpose}.", scope="program")
            self.refresh()

        def failed(error: Exception) -> None:
            text = str(error)
            if isinstance(error, SegstudioError):
                text = f"{error.message} {error.hint}".strip()
            self._failed[model_id] = text
            self._notices.failure(f"Downloading {spec.title}", error, scope="program")
            self.refresh()

        self._jobs.submit(
            f"Downloading {spec.title}",
            "transfer",
            lambda job: self._engine.download(spec, job.check, job.report),
            done,
            failed=failed,
            ended=self.refresh,
            key=_key(model_id),
        )
        self.changed.emit()

    def stop(self, model_id: str) -> None:
        """Stop a download; what arrived is kept."""
        self._jobs.cancel_key(_key(model_id))
        self.refresh()

    def check(self, model_id: str) -> None:
        """Compare a file with its checksum and say whether it is whole."""
        spec = self._known()[model_id]

        def work(job: Job) -> str:
            return str(require_weights(spec, job.check))

        def done(path: str) -> None:
            known = spec.weights is not None and spec.weights.sha256
            said = "is whole: its checksum is right" if known else "is there; no checksum is known"
            self._notices.info(f"{path} {said}.", scope="program")

        def failed(error: Exception) -> None:
            self._failed[model_id] = str(getattr(error, "message", error))
            self._notices.failure(f"Checking {spec.title}", error, scope="program")
            self.changed.emit()

        self._jobs.submit(f"Checking {spec.title}", "digests", work, done, failed=failed)

    def delete(self, model_id: str) -> None:
        """Delete downloaded weights from this disk."""
        spec = self._known()[model_id]

        def work(_job: Job) -> bool:
            delete(spec)
            return shelved(spec).path is not None

        def done(is_elsewhere: bool) -> None:
            session = self._session
            if not is_elsewhere:
                model = session.model
                session.model = replace(model, available=model.available - {model_id})
                session.notify(What.MODELS)
            self._failed.pop(model_id, None)
            self._notices.info(f"The weights of {spec.title} were deleted.", scope="program")
            self.refresh()

        self._jobs.submit(f"Deleting weights of {spec.title}", "save", work, done)

    def _row(self, spec: ModelSpec, job: Job | None) -> DownloadRow:
        shelf = self._shelf.get(spec.id)
        total = spec.weights.size if spec.weights is not None else 0
        if job is not None:
            progress = job.progress
            total = progress.total or total
            done = progress.done or (shelf.part_bytes if shelf is not None else 0)
            state: State = "arriving" if progress.total else "waiting"
            return DownloadRow(spec, state, "", done, total)
        is_gone = shelf is not None and shelf.path is None and not spec.embedded
        here = spec.id in self._session.model.available and not is_gone
        place = "" if shelf is None or shelf.path is None else str(shelf.path)
        part = 0 if shelf is None else shelf.part_bytes
        trouble = self._failed.get(spec.id, "")
        ours = shelf is not None and (shelf.is_ours or bool(part))
        return DownloadRow(
            spec, _state(spec, here=here, part=part, failed=bool(trouble)), place or spec.own_file,
            total if here else part, total, trouble, ours,
        )  # fmt: skip

    def _on_models(self, _change: Change) -> None:
        self.changed.emit()


def _state(spec: ModelSpec, *, here: bool, part: int, failed: bool) -> State:
    if spec.embedded:
        return "embedded"
    if here:
        return "here"
    if spec.own_file:
        return "missing"
    if failed:
        return "failed"
    return "part" if part else "absent"


def _key(model_id: str) -> str:
    return f"download:{model_id}"
