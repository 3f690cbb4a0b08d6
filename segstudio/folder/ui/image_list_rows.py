"""The rows of the image list: which images are shown, in which order, with which marks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QStringListModel, Qt

from segstudio.core.formatting import counted
from segstudio.core.short_names import SharedParts, shared_parts
from segstudio.kit.plain import plain
from segstudio.metrics.tally import lead_name
from segstudio.runs.batch import model_of
from segstudio.runs.scoring import Scoring
from segstudio.session.session import ImageState, Session
from segstudio.storage.image_ref import ImageList, place_of

IMAGE_ROLE = Qt.ItemDataRole.UserRole + 1
"""Position of the row's image in the project."""
_FEW, _MANY = 3, 10_000
"""Of fewer listed names, and of more, what the whole folder's names share is left out.

One or two would lose too much of what they are called, and to look at many takes long.
"""


class Order(StrEnum):
    """How the list is sorted."""

    NAME = "Name"
    WORST = "Lowest IoU"
    ERRORS = "Most errors"
    STATE = "State"


class Show(StrEnum):
    """Which images are listed."""

    ALL = "All images"
    UNREVIEWED = "Not reviewed"
    FLAGGED = "Flagged"
    EDITED = "Edited"
    PREDICTED = "Predicted"
    NOT_PREDICTED = "Not predicted"
    WITH_TRUTH = "With ground truth"
    WITHOUT_TRUTH = "Without ground truth"


_KEEPS: dict[Show, Callable[[ImageState], bool]] = {
    Show.ALL: lambda state: True,
    Show.UNREVIEWED: lambda state: not state.reviewed,
    Show.FLAGGED: lambda state: state.flagged,
    Show.EDITED: lambda state: state.edited or state.annotated,
    Show.PREDICTED: lambda state: bool(state.runs),
    Show.NOT_PREDICTED: lambda state: not state.runs,
    Show.WITH_TRUTH: lambda state: state.has_truth,
    Show.WITHOUT_TRUTH: lambda state: not state.has_truth,
}


@dataclass(frozen=True)
class Sign:
    """The one sign of a row, for the most telling of an image's states.

    Attributes:
        icon: Name of a file in resources/icons.
        token: Its colour, a field of `Tokens`.
    """

    icon: str
    token: str


_FLAGGED = Sign("flag", "warn")
_REVIEWED = Sign("circle-check", "good")
_EDITED = Sign("pencil", "text_2")
_NOT_REVIEWED = Sign("circle-dashed", "text_2")
_UNTOUCHED = "not reviewed"


def sign_of(state: ImageState) -> Sign:
    """What a row shows: that the image is flagged or done, or was edited, or that nobody looked at it yet."""
    if state.flagged:
        return _FLAGGED
    if state.reviewed:
        return _REVIEWED
    return _EDITED if state.edited or state.annotated else _NOT_REVIEWED


class ImagesModel(QStringListModel):
    """Names of images; asks the session for everything else when a row is drawn.

    `shared` is what all listed names begin and end with: rows leave it out, all alike.

    Built on QStringListModel, whose count of rows is C++: a list view asks for it once for every
    row when it lays out, which for 100,000 rows takes a quarter of a second through Python.
    """

    def __init__(self, session: Session, scoring: Scoring, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._scoring = session, scoring
        self._shown: list[int] = []
        self._rows: dict[int, int] | None = None
        self._names: Sequence[str] = ()
        self._names_lower: list[str] | None = None
        self._names_of: object = None
        self.shared = SharedParts()
        self.text = ""
        self.order = Order.NAME
        self.show = Show.ALL

    @property
    def images(self) -> list[int]:
        """Positions in the project of the listed images, in the order of the rows."""
        return self._shown

    @property
    def is_whole(self) -> bool:
        """Whether all images are listed, in the order of the project."""
        return len(self._shown) == len(self._names) and self.order is Order.NAME

    def rebuild(self) -> None:
        """Choose and sort the rows anew; the model is reset only if they are others."""
        project = self._session.project
        images = ImageList((), "") if project is None else project.images
        others = self._names_of is not images
        if others:
            self._names_of = images
            self._names = images.titles
            self._names_lower = None
        shown = self._sorted(self._chosen())
        if not others and shown == self._shown:
            return
        self._shown, self._rows = shown, None
        names = self._names if self.is_whole else [self._names[i] for i in shown]
        has_own = _FEW <= len(names) <= _MANY and len(names) < len(images)
        self.shared = shared_parts(names) if has_own else images.shared
        self.setStringList(names)

    def row_of(self, image: int) -> int:
        """The row of an image, -1 if it is not listed."""
        if self.is_whole:
            return image if 0 <= image < len(self._shown) else -1
        if self._rows is None:
            self._rows = {index: row for row, index in enumerate(self._shown)}
        return self._rows.get(image, -1)

    def image_at(self, row: int) -> int:
        """The image of a row, -1 if there is no such row."""
        return self._shown[row] if 0 <= row < len(self._shown) else -1

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
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(self._tip(self.image_at(index.row())))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{super().data(index, Qt.ItemDataRole.DisplayRole)}: " + ", ".join(
                self.marks(self.image_at(index.row()))
            )
        return super().data(index, role)

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def marks(self, image: int) -> list[str]:
        """The image's states in words."""
        state = self._session.state(image)
        words = {
            "ground truth": state.has_truth,
            "annotated": state.annotated and not state.edited,
            "edited": state.edited,
            "predicted": bool(state.runs),
            "reviewed": state.reviewed,
            "flagged": state.flagged,
            _UNTOUCHED: sign_of(state) is _NOT_REVIEWED,
        }
        found = [word for word, is_so in words.items() if is_so]
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
        return "\n".join([project.images[image].title, *alone, *self.marks(image)])

    def _chosen(self) -> list[int]:
        words = self.text.lower().split()
        chosen: Iterable[int] = range(len(self._names))
        if words:
            if self._names_lower is None:  # of 100,000 names that takes longer than a frame
                self._names_lower = [name.lower() for name in self._names]
            names = self._names_lower
            for word in words:
                chosen = [i for i in chosen if word in names[i]]
        if self.show is not Show.ALL:
            keeps, state = _KEEPS[self.show], self._session.state
            chosen = [i for i in chosen if keeps(state(i))]
        return list(chosen)

    def _sorted(self, chosen: list[int]) -> list[int]:
        if self.order is Order.WORST:
            return self._scoring.worst_first(chosen)
        if self.order is Order.ERRORS:
            errors = self._session.correcting.of_images
            return sorted(chosen, key=lambda i: -errors.get(i, -1))
        if self.order is Order.STATE:
            return sorted(chosen, key=lambda i: _state_rank(self._session.state(i)))
        return chosen


def _state_rank(state: ImageState) -> int:
    """Work to do first: edited, predicted, with ground truth, untouched; reviewed last."""
    if state.reviewed:
        return 4
    if state.edited or state.annotated:
        return 0
    if state.runs:
        return 1
    return 2 if state.has_truth else 3
