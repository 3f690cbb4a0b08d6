"""Charts of an evaluated folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.evaluation.evaluating import Evaluating
from segstudio.evaluation.ui.pair_choice import PairChoice
from segstudio.folder.picture_files import PictureFiles
from segstudio.jobs import Job, JobRunner
from segstudio.kit.empty import EmptyState
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.evaluation.ui.charts_board import ChartsBoard


class ChartsPage(QWidget):
    """A place for the charts, whose library is imported when the page is first built.

    Attributes:
        board: The charts once they are there, else None.

    Signals:
        open_requested: Position of an image or page (int, more than 32 bits) that was clicked, and None.
    """

    open_requested = Signal(object, object)

    def __init__(
        self,
        session: Session,
        evaluating: Evaluating,
        files: PictureFiles,
        pair: PairChoice,
        jobs: JobRunner,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._evaluating = session, evaluating
        self._files, self._pair = files, pair
        self.board: ChartsBoard | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._waiting = EmptyState("Getting the charts ready…")
        self._column.addWidget(self._waiting)
        # beside the event loop, so that the window answers
        jobs.submit(
            "Getting the charts ready", "features", _import_charts, lambda _: self._build(),
            visible=False,
        )  # fmt: skip

    def copied(self) -> str:
        """The values of the chart in front, for the clipboard."""
        return "" if self.board is None else self.board.copied()

    def _build(self) -> None:
        from segstudio.evaluation.ui.charts_board import ChartsBoard

        self.board = ChartsBoard(self._session, self._evaluating, self._files, self._pair)
        self.board.open_requested.connect(self._open)
        self._waiting.hide()
        self._column.addWidget(self.board)

    def _open(self, index: int) -> None:
        self.open_requested.emit(index, None)


def _import_charts(_job: Job) -> None:
    import segstudio.evaluation.ui.charts_board  # noqa: F401 - loaded for what it imports
