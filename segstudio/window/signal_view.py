"""What the window shows of the program's signals: actions, notices, jobs, the title, the pointer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject

from segstudio.annotation.ui.tools import tool_table
from segstudio.canvas.overlay import objects_run
from segstudio.canvas.probe import probe
from segstudio.core.labels import InstanceIds
from segstudio.jobs import Job
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.model_titles import short_model_titles
from segstudio.session.document import Document
from segstudio.session.session import Change, ViewState, What
from segstudio.studio import Studio

if TYPE_CHECKING:
    from segstudio.window.main_window import MainWindow

_MOST_VALUES = 4
_ACTIONS = ~(What.LABELS | What.SCORES)
_UNDER_POINTER = (
    What.LABELS | What.PREDICTIONS | What.DOCUMENT | What.VIEW | What.SCHEMA | What.OBJECTS
)
_OBJECTS = What.LABELS | What.PREDICTIONS | What.DOCUMENT | What.VIEW
_TITLE = What.PROJECT | What.DOCUMENT | What.SAVED | What.HISTORY

_Counted = tuple[Document | None, InstanceIds | None, int]
"""Whose objects are counted, which map of them, and how often that had been edited."""


class SignalView(QObject):
    """Keeps actions, title and status bar in step with the session."""

    def __init__(self, window: MainWindow, studio: Studio) -> None:
        super().__init__(window)
        self._window = window
        self._studio = studio
        self._document: Document | None = None
        self._pointer: tuple[int, int] | None = None
        self._probe = Coalescer(self, self._probe_again)
        self._title = Coalescer(self, self._show_title)
        self._jobs = Coalescer(self, self._show_jobs, 0.05)
        self._objects = Coalescer(self, self._count_objects, 0.3)
        self._counted: _Counted = (None, None, 0)
        window.commands.keymap_changed.connect(self.show_saving_soon)

    def on_change(self, change: Change) -> None:
        if change.what & _ACTIONS:
            self._window.commands.refresh_soon()
        if change.what & _UNDER_POINTER and self._pointer is not None:
            self._probe.request()
        if change.what & _OBJECTS:
            self._objects.request()
        if change.what & _TITLE:
            self._title.request()
        if change.what & What.DOCUMENT and self._studio.session.document is not self._document:
            self._document = self._studio.session.document
            self._window.status.clear_pixel()
            for note in self._notes():
                self._studio.notices.info(note, scope="image")

    def on_left(self) -> None:
        self._pointer = None
        self._window.status.clear_pixel()

    def refresh_soon(self) -> None:
        """Something that is not in the session changed what can be done."""
        self._window.commands.refresh_soon()

    def show_saving_soon(self) -> None:
        """When and how annotations are saved is set otherwise now."""
        self._title.request()

    def on_jobs(self) -> None:
        self._jobs.request()

    def on_failed(self, message: str, hint: str) -> None:
        self._studio.notices.warning(message, hint)

    def on_hover(self, x: int, y: int) -> None:
        """The pointer is over pixel (x, y) of the image."""
        self._pointer = (x, y)
        document = self._studio.session.document
        found = None if document is None else probe(document, self._window.canvas.shown_view, x, y)
        if document is None or found is None:
            self._window.status.clear_pixel()
            return
        name_of = self._studio.session.schema.name_of
        annotation = _with_instance(name_of(found.annotation), found.annotation_instance)
        annotation += self._stroke_text(found.x, found.y)
        predicted = ""
        if found.predicted is not None and found.probability is not None:
            said = found.predicted_name(self._studio.session.schema)
            name = _with_instance(said, found.predicted_instance)
            predicted = f"{name} {found.probability:.0%}".replace("%", " %")
        self._window.status.show_pixel(
            f"{found.x}, {found.y}",
            _values_text(found.values),
            annotation,
            predicted,
            color_kind=_values_kind(document),
            model=self._model_text(document),
        )

    def _stroke_text(self, x: int, y: int) -> str:
        """What a stroke would make that begins at a pixel, where that is an object."""
        studio = self._studio
        tool = next(t for t in tool_table.TOOLS if t.name == studio.session.view.tool)
        target = studio.editing.target_at(x, y) if tool.continues_objects else None
        if target is None or not target.of_object:
            return ""
        if target.is_new:
            return ", stroke makes a new one"
        is_here = studio.objects.at(x, y) == target.object_id
        return ", stroke extends it" if is_here else f", stroke extends #{target.object_id}"

    def on_zoom(self, zoom: float) -> None:
        """The canvas shows the image larger or smaller."""
        percent = 100 * zoom
        self._window.status.show_zoom(f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %")

    def _model_text(self, document: Document) -> str:
        """Whose prediction the pixel's is, in as few words as tell it from the others."""
        titles = {run: found.title for run, found in document.predictions.items()}
        run = self._window.canvas.shown_view.run
        if run not in titles:
            return ""
        return dict(zip(titles, short_model_titles([*titles.values()]), strict=True))[run]

    def _probe_again(self) -> None:
        if self._pointer is not None:
            self.on_hover(*self._pointer)

    def _notes(self) -> tuple[str, ...]:
        return () if self._document is None else self._document.notes

    def _show_title(self) -> None:
        session = self._studio.session
        self._show_saving()
        if session.project is None:
            self._window.setWindowTitle("segstudio")
            return
        name = session.selected_name
        shown = f"{name}[*] - " if name else "[*]"
        only = " (read-only)" if session.read_only else ""
        self._window.setWindowTitle(f"{shown}{session.project.name}{only} - segstudio")
        self._window.setWindowModified(bool(session.document and session.document.dirty))

    def _show_saving(self) -> None:
        """Say whether the open image's annotation is saved; in the tip where, or why not."""
        text, tip = "", ""
        document, autosave = self._studio.session.document, self._studio.autosave
        settings = self._studio.preferences.settings
        if document is not None:
            text, tip = saving_texts(
                document,
                self._studio.session.read_only,
                autosave.problem_of(document),
                after_s=settings.autosave_seconds if settings.autosave else None,
                key=self._window.commands.key("file.save"),
            )
        self._window.status.show_saving(text, tip)

    def _count_objects(self) -> None:
        """Say how many objects are shown, once that is counted beside the event loop."""
        document = self._studio.session.document
        ids = None if document is None else shown_objects(document, self._window.canvas.shown_view)
        counted = (document, ids, 0 if document is None else document.annotation.revision)
        if ids is None:
            self._counted = counted
            self._window.status.show_objects(None)
        elif not self._is_counted(counted):
            self._counted = counted
            self._studio.jobs.submit(
                "Counting objects",
                "scores",
                lambda _job: number_of(ids),
                lambda count: self._tell_objects(counted, count),
                key="objects",
                visible=False,
            )

    def _tell_objects(self, counted: _Counted, count: int) -> None:
        if self._is_counted(counted):  # else something else is shown by now
            self._window.status.show_objects(count)

    def _is_counted(self, counted: _Counted) -> bool:
        """Whether these objects were counted last, or are just being counted."""
        document, ids, revision = self._counted
        return document is counted[0] and ids is counted[1] and revision == counted[2]

    def _show_jobs(self) -> None:
        self._window.commands.refresh_soon()
        jobs = [job for job in self._studio.jobs.jobs() if job.visible]
        self._window.status.show_downloads(running=any(job.lane == "transfer" for job in jobs))
        strip = self._window.status.jobs
        if not jobs:
            strip.hide()
            return
        job = _foremost(jobs)
        text = f"{job.title}: {job.progress.text}" if job.progress.text else job.title
        strip.show_job(
            text,
            job.progress.done,
            job.progress.total,
            len(jobs) - 1,
            lambda: self._cancel(job),
            job.id,
            hurries=job.lane == "routes" and self._studio.segmenting.routes.waits,
        )

    def _cancel(self, job: Job) -> None:
        job.cancel()
        self._jobs.request()


def _values_text(values: tuple[int | float, ...]) -> str:
    """Stored values as the status bar has room for them."""
    told = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in values[:_MOST_VALUES]]
    return " ".join(told) + (" …" if len(values) > _MOST_VALUES else "")


def _values_kind(document: Document) -> str:
    """What the stored values are, where that is known."""
    picture = document.picture
    if picture is None:
        return "RGB"
    if picture.has_choice:
        return "channels"
    return "RGB" if picture.is_color else "grey"


def shown_objects(document: Document, view: ViewState) -> InstanceIds | None:
    """The objects that are told apart in a view: (H, W) ids, or None where there are none."""
    run = objects_run(document, view)
    if run is None:
        return None
    return document.predictions[run].instance_ids if run else document.annotation.instances


def number_of(ids: InstanceIds) -> int:
    """How many objects a map holds; 0 is none."""
    seen = np.zeros(1 << 16, np.bool_)
    seen[ids.reshape(-1)] = True
    return int(np.count_nonzero(seen[1:]))


def saving_texts(
    document: Document, read_only: str, problem: str, *, after_s: float | None, key: str
) -> tuple[str, str]:
    """Whether an annotation is saved, and in a sentence more about it.

    Args:
        document: The open image.
        read_only: Why nothing may be edited; "" if it may.
        problem: Why it could not be saved; "" if nothing is known to be wrong.
        after_s: How long after the last stroke it is saved by itself; None if it is not.
        key: The key that saves; "" if there is none.
    """
    if read_only:
        return "read-only", read_only
    if document.dirty:
        if problem:
            return "not saved", problem
        way = f"with {key}" if key else "by File > Save"
        if after_s is not None:
            after = "a second" if after_s == 1 else f"{after_s:g} seconds"
            way = f"{after} after the last stroke, or now {way}"
        return "not saved yet", f"{document.ref.title} is saved {way}."
    if document.edited_at is None:
        return "", ""
    then, now = time.localtime(document.edited_at), time.localtime()
    is_today = then[:3] == now[:3]
    text = time.strftime("Saved %H:%M" if is_today else "Saved %Y-%m-%d", then)
    files = () if document.place is None else document.place.files
    return text, "In " + " and ".join(map(str, files)) if files else text


def _with_instance(name: str, instance: int | None) -> str:
    return f"{name} #{instance}" if instance else name


def _foremost(jobs: list[Job]) -> Job:
    """The job worth showing: one whose length is known before others."""
    return next((job for job in jobs if job.progress.total > 0), jobs[0])
