"""The regions that a network proposes as objects: a table, and boxes on the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import count_text, ratio_text
from segstudio.core.proposals import Proposals, Ranked
from segstudio.inspection.photo_overlay import PhotoOverlay
from segstudio.inspection.proposing import ProposalsState, Proposing, has_proposals
from segstudio.inspection.ui.watched_page import WatchedPage
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.plain import FaintLabel, plain
from segstudio.kit.table import TableView
from segstudio.kit.table_model import Column, Side, TableModel
from segstudio.kit.turns import Parts
from segstudio.session.inspection import Inspection, Overlay
from segstudio.session.session import Session, What

_NO_TRACE: Final = "The proposals of a network appear here when one is traced."
_WAITING: Final = "Asking the network for its proposals…"
_MOST: Final = 300
_TIMES: Final = "\u00d7"
_WHEN: Final = (
    ("After suppression", False, "What is left for the heads when overlapping boxes are gone"),
    ("Before suppression", True, "The boxes with the highest objectness, overlapping or not"),
)


@dataclass(frozen=True)
class ProposalRow:
    """One proposal in the table; lengths in photo pixels."""

    number: int
    objectness: float
    left: float
    top: float
    width: float
    height: float


_COLUMNS: Final = (
    Column[ProposalRow]("#", lambda row: str(row.number + 1), "Rank by objectness",
                        lambda row: row.number, side=Side.RIGHT),
    Column[ProposalRow]("Objectness", lambda row: ratio_text(row.objectness),
                        "How likely there is an object at all, before anything says what it is",
                        lambda row: row.objectness, side=Side.RIGHT),
    Column[ProposalRow]("W \u00d7 H", lambda row: f"{row.width:.0f} {_TIMES} {row.height:.0f}",
                        "Width and height in pixels of the photo",
                        key=lambda row: row.width * row.height, side=Side.RIGHT),
    Column[ProposalRow]("Left, top", lambda row: f"{row.left:.0f}, {row.top:.0f}",
                        "Its corner in pixels of the photo", key=lambda row: (row.top, row.left),
                        side=Side.RIGHT),
)  # fmt: skip


class ProposalsPage(WatchedPage):
    """Before or after suppression, how many, on the photo or not, and each as a row."""

    kinds = What.TRACE | What.INSPECTION | What.OVER_PHOTO
    when: QComboBox
    count: QSpinBox
    on_photo: QPushButton
    proposals: TableModel[ProposalRow]
    table: TableView[ProposalRow]

    def __init__(
        self,
        session: Session,
        proposing: Proposing,
        overlay: PhotoOverlay,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, proposing.watch, parent)
        self._proposing, self._overlay = proposing, overlay
        self._listed: object = None
        self.line = FaintLabel()
        self._contents = QWidget()
        self._switch = Switch(EmptyState(_NO_TRACE), self._contents)
        self.setLayout(self._switch)

    def build(self) -> Parts[None]:
        """Make what it holds, where it stays."""
        column = QVBoxLayout(self._contents)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(6)
        yield from self._add_controls(column)
        yield
        self.proposals = TableModel(_COLUMNS, lambda row: row.number)
        self.table = TableView(self.proposals, "Proposals", row_height=22)
        yield
        column.addWidget(self.table, 1)
        column.addWidget(self.line)
        self._connect()

    @property
    def empty_text(self) -> str:
        """The line shown instead of proposals, "" while they are shown."""
        return self._switch.empty_text

    def _add_controls(self, column: QVBoxLayout) -> Parts[None]:
        top = QHBoxLayout()
        top.setSpacing(6)
        column.addLayout(top)
        self.when = QComboBox()
        for row, (text, before, tip) in enumerate(_WHEN):
            self.when.addItem(text, before)
            self.when.setItemData(row, plain(tip), Qt.ItemDataRole.ToolTipRole)
        self.when.setAccessibleName("Before or after suppression")
        self.when.setToolTip(plain("Proposals before overlapping ones are suppressed, or after"))
        top.addWidget(self.when)
        yield
        self.count = QSpinBox()
        self.count.setRange(1, _MOST)
        self.count.setPrefix("Best ")
        self.count.setAccessibleName("How many proposals")
        self.count.setToolTip("How many are listed and drawn, by objectness")
        self.count.setKeyboardTracking(False)
        top.addWidget(self.count)
        top.addStretch(1)
        yield
        self.on_photo = QPushButton("Over photo")
        self.on_photo.setCheckable(True)
        self.on_photo.setToolTip("Draw the proposals over the photo")
        top.addWidget(self.on_photo)

    def _connect(self) -> None:
        self.when.activated.connect(
            lambda: self._proposing.show_suppressed(bool(self.when.currentData()))
        )
        self.count.valueChanged.connect(self._proposing.show_best)
        self.on_photo.clicked.connect(
            lambda on: self._overlay.show(Overlay.PROPOSALS if on else Overlay.NOTHING)
        )
        self.table.reached.connect(lambda row: self._proposing.mark(row.number))
        self._session.changed.connect(self._on_change)

    # -- what is shown -------------------------------------------------------------------------

    def _show(self) -> None:
        state, inspection = self._proposing.state, self._session.inspection
        self._switch.show_contents(state.found is not None, _empty_line(state))
        self.on_photo.setChecked(inspection.overlay is Overlay.PROPOSALS)
        self.when.setCurrentIndex(self.when.findData(inspection.proposals_before))
        self.count.blockSignals(True)
        self.count.setValue(inspection.proposals_shown)
        self.count.blockSignals(False)
        shown = self._proposing.shown
        if state.found is None or shown is None:
            self._listed = None
            return
        listed = (state.found, inspection.proposals_before, inspection.proposals_shown)
        if listed != self._listed:
            self._listed = listed
            self.proposals.show_rows(_rows(shown))
        self.line.setText(_line(state.found, shown, inspection))


def _rows(shown: Ranked) -> tuple[ProposalRow, ...]:
    found = []
    for number, (box, objectness) in enumerate(zip(shown.boxes, shown.objectness, strict=True)):
        left, top, right, bottom = (float(value) for value in box)
        found.append(ProposalRow(number, float(objectness), left, top, right - left, bottom - top))
    return tuple(found)


def _empty_line(state: ProposalsState) -> str:
    if state.problem:
        return state.problem
    if state.traced is None:
        return _NO_TRACE
    if not state.is_known:
        return _WAITING
    title = state.traced.title
    if not has_proposals(state.traced):
        return f"{title} proposes no regions: it names a class for each pixel."
    return f"{title} does not tell its proposals: nothing in it suppresses overlapping boxes."


def _line(found: Proposals, shown: Ranked, inspection: Inspection) -> str:
    limit = f" (IoU from {found.threshold:.2g} on)" if found.threshold else ""
    kept = f"{count_text(len(found.after))} of {count_text(found.anchors)} boxes are left"
    which = "before suppression" if inspection.proposals_before else "after it"
    return f"{kept} after suppression of overlapping ones{limit}; the best {len(shown)} {which}."
