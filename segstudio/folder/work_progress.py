"""How much of a folder is done, and how quickly that goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from segstudio.core.formatting import count_text, duration_text, short_text
from segstudio.folder.folder_states import FolderStates
from segstudio.session.session import Change, Session, What
from segstudio.storage.image_ref import PAGE_STEP
from segstudio.storage.states import Mark

_HOUR_S = 3600.0
_LEAST_S = 60.0
"""After less, nobody can say how quickly it goes."""


class WorkProgress:
    """Counts the images that are done as their marks change, and those of the last hour."""

    def __init__(
        self, session: Session, states: FolderStates, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._session, self._now = session, now
        self._done: set[int] = set()
        self._flagged: set[int] = set()
        self._times: dict[str, float] = {}
        """When images of the open folder were marked as done, by their keys."""
        self._since = now()
        self._data_folder: object = None
        states.marked.connect(self._on_mark)
        session.follow(What.PROJECT | What.STATES, self._on_change)

    @property
    def done(self) -> int:
        """How many images of the open folder are done."""
        return len(self._done)

    @property
    def flagged(self) -> int:
        """How many are flagged."""
        return len(self._flagged)

    @property
    def total(self) -> int:
        """How many there are."""
        project = self._session.project
        return 0 if project is None else len(project.images)

    @property
    def per_hour(self) -> float:
        """How many became done in the last hour, or since the folder was opened; 0 if none."""
        now = self._now()
        begin = max(self._since, now - _HOUR_S)
        made = sum(moment >= begin for moment in self._times.values())
        return made * _HOUR_S / (now - begin) if made and now - begin >= _LEAST_S else 0.0

    @property
    def text(self) -> str:
        """In a few words: "34 of 120 done, 6 an hour"."""
        rate = self.per_hour
        said = f"{count_text(self.done)} of {count_text(self.total)} done"
        return f"{said}, {_rate_text(rate)} an hour" if rate else said

    @property
    def shorter(self) -> tuple[str, ...]:
        """The same where there is less and less room."""
        share = f"{count_text(self.done)}/{count_text(self.total)} done"
        few = f"{short_text(self.done)}/{short_text(self.total)} done"
        rate = self.per_hour
        return (f"{share}, {_rate_text(rate)}/h", share, few) if rate else (share, few)

    @property
    def details(self) -> str:
        """In one or two sentences: what is left, and how long that takes."""
        left, rate = self.total - self.done, self.per_hour
        said = f"{count_text(left)} {'image is' if left == 1 else 'images are'} not done"
        said += f", {count_text(self.flagged)} of them flagged." if self.flagged else "."
        if rate and left:
            said += (
                f" At the rate of the last hour they take {duration_text(left / rate * _HOUR_S)}."
            )
        return said

    def _on_mark(self, key: str, mark: Mark, given: bool) -> None:
        self._times.pop(key, None)
        if given and mark is Mark.REVIEWED:
            self._times[key] = self._now()

    def _on_change(self, change: Change) -> None:
        project, states = self._session.project, self._session.states
        data_folder = None if project is None else project.data_folder
        if data_folder != self._data_folder:
            self._data_folder, self._since = data_folder, self._now()
            self._times.clear()
        if What.PROJECT in change.what or not change.images:
            self._done = {i for i, s in states.items() if s.reviewed and i < PAGE_STEP}
            self._flagged = {i for i, s in states.items() if s.flagged and i < PAGE_STEP}
        else:
            self._count(i for i in change.images if i < PAGE_STEP)

    def _count(self, images: Iterable[int]) -> None:
        for image in images:
            state = self._session.state(image)
            (self._done.add if state.reviewed else self._done.discard)(image)
            (self._flagged.add if state.flagged else self._flagged.discard)(image)


def _rate_text(rate: float) -> str:
    return f"{rate:.1f}" if rate < 9.95 and round(rate, 1) % 1 else f"{rate:,.0f}"
