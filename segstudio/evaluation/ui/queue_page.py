"""The work queue: the images that most need a person, worst first."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QSize, Qt, Signal
from PySide6.QtGui import QPalette, QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QListView,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import count_text
from segstudio.evaluation.ui.queue_tiles import THUMB, QueueDelegate, QueueModel
from segstudio.evaluation.work_queue import WorkQueue
from segstudio.folder.browsing import Browsing
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedCombo, ElidedLabel
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.thumbnail_pixmaps import ThumbnailPixmaps
from segstudio.session.queue_state import QueueKind
from segstudio.session.session import Change, Session, What

_KINDS = {
    QueueKind.LOWEST_IOU: (
        "Lowest IoU",
        "Where the model is furthest from the annotation",
        "Needs ground truth or annotations",
    ),
    QueueKind.DISAGREEMENT: (
        "Largest disagreement",
        "Where the models contradict one another; needs no ground truth",
        "Needs two evaluated models or more",
    ),
    QueueKind.UNCERTAINTY: (
        "Highest uncertainty",
        "Where the model is least sure of itself; needs no ground truth",
        "Needs an evaluated model",
    ),
    QueueKind.SUSPICION: (
        "Suspected annotation errors",
        "Where the model is sure of something else than the annotation says",
        "Needs ground truth or annotations",
    ),
}
"""Text, what it means, what is missing where it cannot be chosen."""
_BATCH = 2000
_ALL = "All models"
_NO_FIGURES = "Evaluate a model to see which images most need a person."
_ALL_DONE = "Nothing waits: all {} images of the queue are corrected or done."


class QueuePage(QWidget):
    """Chooses the order, shows who waits, opens what is clicked.

    Signals:
        open_requested: Position of an image or page (int, more than 32 bits) to show, and None.
    """

    open_requested = Signal(object, object)

    def __init__(
        self,
        session: Session,
        work_queue: WorkQueue,
        browsing: Browsing,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._work_queue = session, work_queue
        self.model = QueueModel(session, work_queue.title, self)
        self._thumbnails = ThumbnailPixmaps(browsing, 2 * THUMB.width(), self.model.repaint)
        self.kind = _combo("What puts an image in front")
        for kind, (text, _, _) in _KINDS.items():
            self.kind.addItem(text, kind.value)
        self.run = ElidedCombo()
        self.run.setAccessibleName("Model that the queue is about")
        self.run.setMinimumContentsLength(14)
        self.run.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.previous = _button("chevron-left", "", "Previous image in the queue")
        self.next = _button("chevron-right", "Next", "Next image in the queue")
        self.done = _button(
            "circle-check", "Done, next", "Mark this image as done and go to the next"
        )
        self.back = _button(
            "undo-2", "Put back", "Let corrected images wait again, with their new figures"
        )
        self.count = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.count.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.view = self._make_view()
        self._put_back = QPushButton(icon("undo-2"), "Put corrected images back")
        self._empty = EmptyState(_NO_FIGURES, self._put_back)
        self._switch = Switch(self._empty, self.view)
        self._lay_out()
        self._refresh = Coalescer(self, self._show, 0.1)
        self._look = Coalescer(self, self._want_thumbnails)
        self._connect()
        self._show()

    @property
    def empty_text(self) -> str:
        """The line that is shown instead of the images, "" while some wait."""
        return self._switch.empty_text

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._look.request()
        return False

    def _connect(self) -> None:
        queue = self._work_queue
        self.kind.activated.connect(lambda: queue.choose(QueueKind(self.kind.currentData())))
        self.run.activated.connect(lambda: queue.choose_run(self.run.currentData()))
        self.previous.clicked.connect(lambda: queue.step(-1))
        self.next.clicked.connect(lambda: queue.step(1))
        self.done.clicked.connect(queue.done)
        for button in (self.back, self._put_back):
            button.clicked.connect(queue.put_back)
        self.view.clicked.connect(self._open)
        self.view.activated.connect(self._open)
        self.view.verticalScrollBar().valueChanged.connect(self._look.request)
        self.view.viewport().installEventFilter(self)
        self._session.changed.connect(self._on_change)

    def _on_change(self, change: Change) -> None:
        what = change.what
        if what & What.PROJECT:
            self._thumbnails.clear()
        if what & (What.QUEUE | What.EVALUATION | What.PROJECT):
            self._refresh.request()
        if what & What.DOCUMENT:
            self._show_open()

    def _open(self, index: QModelIndex) -> None:
        image = self.model.image_at(index.row())
        if image >= 0 and image != self._session.index:
            self._work_queue.open(image)

    def _show(self) -> None:
        queue = self._session.queue
        bar = self.view.verticalScrollBar()
        place = bar.value()
        self.model.reload()
        self.view.doItemsLayout()
        bar.setValue(place)
        self._show_kinds()
        self._show_runs()
        waiting, finished = len(queue.images), len(queue.finished)
        text = f"{count_text(waiting)} of {count_text(queue.total)} wait"
        self.count.show_text(text if queue.total else "")
        self.back.setVisible(bool(finished) and bool(waiting))
        self._put_back.setVisible(bool(finished))
        for button in (self.previous, self.next):
            button.setEnabled(waiting > 0)
        empty = _ALL_DONE.format(count_text(finished)) if finished else _NO_FIGURES
        if queue.possible and queue.kind not in queue.possible:
            empty = f"{_KINDS[queue.kind][2]}."
        self._switch.show_contents(waiting > 0, empty)
        self.done.setEnabled(self._session.document is not None)
        self._look.request()

    def _show_kinds(self) -> None:
        queue = self._session.queue
        items = self.kind.model()
        assert isinstance(items, QStandardItemModel)
        for row, (kind, (_, meaning, missing)) in enumerate(_KINDS.items()):
            possible = kind in queue.possible
            items.item(row).setEnabled(possible)
            self.kind.setItemData(
                row, meaning if possible else missing, Qt.ItemDataRole.ToolTipRole
            )
        self.kind.setCurrentIndex(self.kind.findData(queue.kind.value))
        self.kind.setToolTip(plain(_KINDS[queue.kind][1]))

    def _show_runs(self) -> None:
        session = self._session
        runs = session.evaluation.runs
        wanted = [(_ALL, "")] if len(runs) != 1 else []
        wanted += [(_title(session, run), run) for run in runs]
        shown = [(self.run.itemText(i), self.run.itemData(i)) for i in range(self.run.count())]
        if shown != wanted:
            self.run.clear()
            for text, run in wanted:
                self.run.addItem(text, run)
        self.run.setCurrentIndex(max(0, self.run.findData(session.queue.run)))
        about_one = session.queue.kind is not QueueKind.DISAGREEMENT
        self.run.setEnabled(about_one and len(runs) > 1)
        self.run.setToolTip(
            "The model whose figures count: the mean of all, or one"
            if about_one
            else "Disagreement is between all models"
        )

    def _show_open(self) -> None:
        """Mark the open image's tile, and bring it into sight."""
        row = self.model.row_of(self._session.index)
        self.done.setEnabled(self._session.document is not None)
        if row >= 0:
            self.view.scrollTo(self.model.index(row))
        self.view.viewport().update()

    def _want_thumbnails(self) -> None:
        port = self.view.viewport().rect()
        if not self.view.isVisible() or port.isEmpty():
            return
        cell = self.view.gridSize()
        columns = max(1, port.width() // cell.width())
        first = self.view.verticalScrollBar().value() // cell.height() * columns
        seen = (port.height() // cell.height() + 2) * columns
        self._thumbnails.want([self.model.image_at(row) for row in range(first, first + seen)])

    def _make_view(self) -> QListView:
        view = QListView()
        view.setModel(self.model)
        view.setItemDelegate(QueueDelegate(self._session, self._thumbnails.get, view))
        view.setViewMode(QListView.ViewMode.IconMode)
        view.setMovement(QListView.Movement.Static)
        view.setResizeMode(QListView.ResizeMode.Adjust)
        view.setUniformItemSizes(True)
        view.setLayoutMode(QListView.LayoutMode.Batched)  # ten thousand tiles take 20 ms
        view.setBatchSize(_BATCH)
        view.setGridSize(QSize(136, 128))
        view.setSelectionMode(QListView.SelectionMode.NoSelection)
        view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setMouseTracking(True)
        view.setAccessibleName("Images in the work queue")
        return view

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(8, 5, 8, 5)
        row.setSpacing(6)
        row.addWidget(PlainLabel("Order by"))
        row.addWidget(self.kind)
        row.addWidget(PlainLabel("of"))
        row.addWidget(self.run)
        row.addWidget(self.count, 1)
        for button in (self.back, self.previous, self.next, self.done):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addLayout(self._switch, 1)


def _title(session: Session, run: str) -> str:
    spec = session.models.get(run)
    return run if spec is None else spec.title


def _combo(name: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    return combo


def _button(icon_name: str, text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(icon_name))
    button.setText(text)
    button.setToolTip(plain(tip))
    button.setAccessibleName(tip)
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    style = Qt.ToolButtonStyle
    button.setToolButtonStyle(style.ToolButtonTextBesideIcon if text else style.ToolButtonIconOnly)
    return button
