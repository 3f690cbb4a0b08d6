"""The rows of the image list: which images are shown, in which order, with which marks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QStringListModel, Qt

from segstudio.core.formatting import counted
from segstudio.core.progress import Check, no_check
from segstudio.core.short_names import SharedParts, shared_parts
from segstudio.folder.image_query import Found, ImageContents, ImageFacts, Query
from segstudio.folder.label_contents import LabelContents
from segstudio.kit.plain import plain
from segstudio.metrics.tally import Leads, lead_name
from segstudio.runs.batch import model_of
from segstudio.runs.scoring import Scoring
from segstudio.session.session import ImageState, Session, WorkState
from segstudio.storage.image_ref import ImageList, place_of

IMAGE_ROLE = Qt.ItemDataRole.UserRole + 1
"""Position of the row's image in the project."""
_AT_ONCE = 4_000
"""Of more images, rows are chosen and sorted in a job."""
_FEW, _MANY = 3, 10_000
"""Of fewer listed names, and of more, what the whole folder's names share is left out.

One or two would lose too much of what they are called, and to look at many takes long.
"""
_HAS_TRUTH: Final = "ground truth"


class Order(StrEnum):
    """How the list is sorted."""

    NAME = "Name"
    WORST = "Lowest IoU"
    ERRORS = "Most errors"
    STATE = "State"


class Show(StrEnum):
    """Which images are listed."""

    ALL = "All images"
    NOT_DONE = "Not done"
    DONE = "Done"
    IN_WORK = "In work"
    UNLABELLED = "Unlabelled"
    FLAGGED = "Flagged"
    NOTED = "With a note"
    EDITED = "Edited"
    PREDICTED = "Predicted"
    NOT_PREDICTED = "Not predicted"
    WITH_TRUTH = "With ground truth"
    WITHOUT_TRUTH = "Without ground truth"


_KEEPS: dict[Show, Callable[[ImageState], bool]] = {
    Show.ALL: lambda state: True,
    Show.NOT_DONE: lambda state: not state.reviewed,
    Show.DONE: lambda state: state.work is WorkState.DONE,
    Show.IN_WORK: lambda state: state.work is WorkState.IN_WORK,
    Show.UNLABELLED: lambda state: state.work is WorkState.UNLABELLED,
    Show.FLAGGED: lambda state: state.work is WorkState.FLAGGED,
    Show.NOTED: lambda state: bool(state.note),
    Show.EDITED: lambda state: state.edited or state.annotated,
    Show.PREDICTED: lambda state: bool(state.runs),
    Show.NOT_PREDICTED: lambda state: not state.runs,
    Show.WITH_TRUTH: lambda state: state.has_truth,
    Show.WITHOUT_TRUTH: lambda state: not state.has_truth,
}


@dataclass(frozen=True)
class Sign:
    """The sign of a row: how far the work on its image is.

    Attributes:
        icon: Name of a file in resources/icons.
        token: Its colour, a field of `Tokens`.
    """

    icon: str
    token: str


SIGNS = {
    WorkState.UNLABELLED: Sign("circle-dashed", "text_2"),
    WorkState.IN_WORK: Sign("pencil", "text_2"),
    WorkState.DONE: Sign("circle-check", "good"),
    WorkState.FLAGGED: Sign("flag", "warn"),
}
NOTE_SIGN = Sign("file-text", "text_2")
"""Stands beside the other one where somebody wrote of the image."""


@dataclass(frozen=True)
class ListWish:
    """Which images are wanted, in which order."""

    query: Query = field(default_factory=Query)
    show: Show = Show.ALL
    order: Order = Order.NAME

    @property
    def is_plain(self) -> bool:
        """Whether all are, by their names."""
        return not self.query.terms and self.show is Show.ALL and self.order is Order.NAME


@dataclass(frozen=True, eq=False)
class ListRows:
    """What a wish gave.

    Attributes:
        of: The images that were chosen among.
        wish: The wish.
        images: Positions of the images, in the order of the rows.
        names: Their names.
        shared: What these begin and end with.
        found: What the query found, before `Show` chose among that.
    """

    of: ImageList
    wish: ListWish
    images: list[int]
    names: Sequence[str]
    shared: SharedParts
    found: Found

    @property
    def is_whole(self) -> bool:
        """Whether all images are listed, in the order of the folder."""
        return len(self.images) == len(self.of) and self.wish.order is Order.NAME


@dataclass(frozen=True, eq=False)
class ListRequest:
    """A wish, and all that choosing and sorting needs: a job can do it."""

    images: ImageList
    wish: ListWish
    states: Mapping[int, ImageState]
    contents: Mapping[int, ImageContents]
    leads: Leads
    errors: Mapping[int, int]

    @property
    def is_quick(self) -> bool:
        """Whether it takes less than a frame."""
        return self.wish.is_plain or len(self.images) <= _AT_ONCE

    def rows(self, check: Check = no_check) -> ListRows:
        """Choose and sort; `check` is called again and again and raises to give up."""
        images, wish, total = self.images, self.wish, len(self.images)
        chosen = list(range(total))
        if wish.show is not Show.ALL:
            keeps, states, unmarked = _KEEPS[wish.show], self.states, ImageState()
            chosen = [i for i in chosen if keeps(states.get(i, unmarked))]
        found = Found(chosen, len(chosen))
        if wish.query.terms:
            lower = images.lower_titles
            facts = ImageFacts(images.titles, lower, self.states, self.leads.of, self.contents)
            found = wish.query.find(facts, chosen, check)
        shown = self._sorted(found.images)
        whole = len(shown) == total and wish.order is Order.NAME
        names = images.titles if whole else [images.titles[i] for i in shown]
        has_own = _FEW <= len(names) <= _MANY and len(names) < total
        shared = shared_parts(names) if has_own else images.shared
        return ListRows(images, wish, shown, names, shared, found)

    def _sorted(self, chosen: list[int]) -> list[int]:
        if self.wish.order is Order.WORST:
            return self.leads.worst_first(chosen)
        if self.wish.order is Order.ERRORS:
            return sorted(chosen, key=lambda i: -self.errors.get(i, -1))
        if self.wish.order is Order.STATE:
            unmarked = ImageState()
            return sorted(chosen, key=lambda i: _state_rank(self.states.get(i, unmarked)))
        return chosen


class ImagesModel(QStringListModel):
    """Names of images; asks the session for everything else when a row is drawn.

    `shared` is what all listed names begin and end with: rows leave it out, all alike.

    Built on QStringListModel, whose count of rows is C++: a list view asks for it once for every
    row when it lays out, which for 100,000 rows takes a quarter of a second through Python. Its
    strings are empty: to hand 100,000 names to it takes four frames.
    """

    def __init__(
        self, session: Session, scoring: Scoring, contents: LabelContents, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._scoring, self._contents = session, scoring, contents
        self._listed = ListRows(ImageList((), ""), ListWish(), [], (), SharedParts(), Found([]))
        self._rows: dict[int, int] | None = None
        self.wish = ListWish()

    @property
    def images(self) -> list[int]:
        """Positions in the project of the listed images, in the order of the rows."""
        return self._listed.images

    @property
    def shared(self) -> SharedParts:
        """What all listed names begin and end with."""
        return self._listed.shared

    @property
    def is_whole(self) -> bool:
        """Whether all images are listed, in the order of the project."""
        return self._listed.is_whole

    def stringList(self) -> list[str]:
        """The names of the listed images."""
        return list(self._listed.names)

    def request(self) -> ListRequest:
        """What is wanted now, with all that is known now."""
        project = self._session.project
        images = ImageList((), "") if project is None else project.images
        states, contents = self._session.states, self._contents.known
        needs_scores = self.wish.query.needs_scores or self.wish.order is Order.WORST
        leads = self._scoring.leads if needs_scores else Leads()
        errors = self._session.correcting.of_images
        made = ListRequest(images, self.wish, states, contents, leads, errors)
        return made if made.is_quick else replace(made, states={**states}, contents={**contents})

    def rebuild(self) -> None:
        """Choose and sort the rows anew, at once."""
        self.take(self.request().rows())

    def take(self, rows: ListRows) -> None:
        """Show other rows; the model is reset only if they are others."""
        before, self._listed = self._listed, rows
        if before.of is rows.of and before.images == rows.images:
            return
        self._rows = None
        self.setStringList([])
        self.insertRows(0, len(rows.images))

    def row_of(self, image: int) -> int:
        """The row of an image, -1 if it is not listed."""
        if self.is_whole:
            return image if 0 <= image < len(self.images) else -1
        if self._rows is None:
            self._rows = dict(zip(self.images, range(len(self.images)), strict=True))
        return self._rows.get(image, -1)

    def image_at(self, row: int) -> int:
        """The image of a row, -1 if there is no such row."""
        return self.images[row] if 0 <= row < len(self.images) else -1

    def score_of(self, image: int) -> float:
        """What the shown run scores on an image (`Scoring.lead_of`)."""
        return self._scoring.lead_of(image)

    def errors_of(self, image: int) -> int | None:
        """How many errors an image's annotation has, as far as that is counted."""
        return self._session.correcting.of_images.get(image)

    def says_little(self, image: int) -> bool:
        """Whether the score of an image is partly of the model's own pixels."""
        taken = map(model_of, self._session.state(image).taken)
        return model_of(self._session.view.scored_run) in taken

    def repaint_images(self, images: Iterable[int]) -> None:
        """Draw the rows of some images anew: all between the first and the last, as one change."""
        rows = [row for row in map(self.row_of, images) if row >= 0]
        if rows:
            self.dataChanged.emit(self.index(min(rows), 0), self.index(max(rows), 0))

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> Any:
        if role == IMAGE_ROLE:
            return self.image_at(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._listed.names[index.row()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(self._tip(self.image_at(index.row())))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            marks = ", ".join(self.marks(self.image_at(index.row())))
            return f"{self._listed.names[index.row()]}: {marks}"
        return None

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def marks(self, image: int) -> list[str]:
        """The image's states in words."""
        state = self._session.state(image)
        words = {
            _HAS_TRUTH: state.has_truth,
            "annotated": state.annotated and not state.edited,
            "edited": state.edited,
            "predicted": bool(state.runs),
        }
        found = [*(word for word, is_so in words.items() if is_so), state.work.value]
        found += [f"“{state.note}”"] if state.note else []
        errors = self.errors_of(image)
        if errors is not None:
            found.append(counted(errors, "error"))
        score = self.score_of(image)
        return found if math.isnan(score) else [*found, self._score_text(image, score)]

    def _score_text(self, image: int, score: float) -> str:
        """The score, of what it is, whose, and whether it says little."""
        run = self._session.view.scored_run
        spec = self._session.models.get(model_of(run))
        whose = f" ({spec.title})" if spec is not None else ""
        own = ", partly on its own pixels" if self.says_little(image) else ""
        return f"{lead_name(self._session.schema)} {score:.3f}{whose}{own}"

    def _tip(self, image: int) -> str:
        project = self._session.project
        if project is None or image < 0:
            return ""
        alone = ["Of page 1 alone:"] * (place_of(image, 1) in self._session.states)
        marks, truth = self.marks(image), project.truth
        if truth is not None and not truth.undecided:
            read = f"{_HAS_TRUTH}, read as {truth.in_words}"
            marks = [read if mark == _HAS_TRUTH else mark for mark in marks]
        return "\n".join([project.images[image].title, *alone, *marks])


def _state_rank(state: ImageState) -> int:
    """Work to do first: flagged, edited, predicted, with ground truth, untouched; done last."""
    if state.flagged:
        return -1
    if state.reviewed:
        return 4
    if state.edited or state.annotated:
        return 0
    if state.runs:
        return 1
    return 2 if state.has_truth else 3
