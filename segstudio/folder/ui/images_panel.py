"""The list of images."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPoint,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import count_text
from segstudio.core.text import printable
from segstudio.folder.browsing import Browsing
from segstudio.folder.ui.image_delegate import THUMB_WIDTH, ImageDelegate
from segstudio.folder.ui.image_list_rows import ImagesModel, Order, Show
from segstudio.kit.action_set import ActionSet
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedCombo
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.thumbnail_pixmaps import ThumbnailPixmaps
from segstudio.runs.scoring import Scoring
from segstudio.session.session import Change, Session, What

_EMPTY = "Drop a folder of images here, or open one."
_RECENT, _RECENT_WIDTH = 4, 150
"""How many folders are offered again, and pixels for a name."""
_NONE_LISTED = "No image is like that."
_MENU = ("model.run", "model.run_selected", "image.reviewed", "image.copy_path", "image.show_file")
"""What can be done with an image from its row, by id."""


class ImagesPanel(QWidget):
    """Filter, order, and the images with thumbnails, marks and scores.

    Signals:
        open_requested: The user wants to open a folder.
        samples_requested: The user wants the samples.
        selection_changed: Other images are selected (for "run on selected images").
    """

    open_requested = Signal()
    samples_requested = Signal()
    selection_changed = Signal()

    def __init__(
        self, session: Session, browsing: Browsing, scoring: Scoring, actions: ActionSet
    ) -> None:
        super().__init__()
        self._session, self._browsing, self._actions = session, browsing, actions
        self._syncing = False
        self._root: Path | None = None
        self.model = ImagesModel(session, scoring, self)
        self._thumbnails = ThumbnailPixmaps(
            browsing, round(THUMB_WIDTH * 2), lambda image: self.model.repaint_images([image])
        )
        self.filter = FilterField()
        self.show_ = _combo("Which images are listed", [s.value for s in Show])
        self.order = _combo("Order of the list", [o.value for o in Order])
        self.view = self._make_view()
        self.show_all = QPushButton("List all images")
        self._list = Switch(EmptyState(_NONE_LISTED, self.show_all), self.view)
        self.count = PlainLabel()
        self.count.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._switch = Switch(self._make_empty(), self._make_contents())
        self.setLayout(self._switch)
        self.setFocusProxy(self.view)
        self._rebuild = Coalescer(self, self._build, 0.2)
        self._look = Coalescer(self, self._want_thumbnails)
        self._connect()
        self._build()

    def selected_images(self) -> list[int]:
        """Positions in the project of the selected images, in the order of the list."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedIndexes())
        return [self.model.image_at(row) for row in rows]

    def filtered_images(self) -> list[int]:
        """Positions of the listed images, in their order; none if all are listed."""
        project = self._session.project
        listed = list(self.model.images)
        return [] if project is None or len(listed) == len(project.images) else listed

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._look.request()
        if isinstance(event, QResizeEvent):
            self._keep_current_in_sight(event.oldSize().height())
        return False

    def _keep_current_in_sight(self, height_before: int) -> None:
        """A panel that opens below must not push the open image's row out of sight."""
        place = self.view.visualRect(self.view.currentIndex())
        if place.isValid() and 0 <= place.top() < height_before:
            QTimer.singleShot(0, self.view, lambda: self.view.scrollTo(self.view.currentIndex()))

    def search(self) -> None:
        """Let the user type a part of a name."""
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.selectAll()

    def _connect(self) -> None:
        self.filter.textChanged.connect(self._rebuild.request)
        self.filter.list_wanted.connect(self._enter_list)
        self.show_all.clicked.connect(self._list_all)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.show_.activated.connect(self._build)
        self.order.activated.connect(self._build)
        self.view.selectionModel().currentChanged.connect(self._on_current)
        self.view.selectionModel().selectionChanged.connect(self._on_selection)
        self.view.verticalScrollBar().valueChanged.connect(self._look.request)
        self.view.viewport().installEventFilter(self)
        self._session.changed.connect(self._on_change)

    def _on_change(self, change: Change) -> None:
        what = change.what
        if what & What.PROJECT:
            self._thumbnails.clear()
            self._forget_filter()
            self._build()
        if what & What.DOCUMENT:
            self._show_current()
        if what & (What.STATES | What.SCORES | What.VIEW | What.SCHEMA):
            self._on_marks(change)

    def _on_marks(self, change: Change) -> None:
        filtered = self.model.show is not Show.ALL or self.model.order is not Order.NAME
        if filtered and change.what & (What.STATES | What.SCORES):
            self._rebuild.request()
        elif change.what & What.STATES and change.images:
            self.model.repaint_images(change.images)
        else:
            self.view.viewport().update()

    def _build(self) -> None:
        selected = self.selected_images()
        before = (self.model.text, self.model.order, self.model.show)
        self.model.text = self.filter.text()
        self.model.order = Order(self.order.currentText())
        self.model.show = Show(self.show_.currentText())
        is_another_list = before != (self.model.text, self.model.order, self.model.show)
        self._syncing = True
        self.model.rebuild()
        self._syncing = False
        self._show_current()
        if is_another_list and self.model.row_of(self._browsing.cursor) < 0:
            self.view.scrollToTop()
        self._select_again(selected)
        project = self._session.project
        total = 0 if project is None else len(project.images)
        listed = len(self.model.images)
        self._list.show_contents(listed > 0 or not total)
        self._browsing.follow(range(total) if self.model.is_whole else self.model.images)
        of = "" if listed == total else f"{count_text(listed)} of "
        self.count.setText(f"{of}{count_text(total)} image{'' if total == 1 else 's'}")
        self._switch.show_contents(project is not None, _EMPTY)
        self._look.request()

    def _select_again(self, images: list[int]) -> None:
        if len(images) < 2:
            return
        selection = self.view.selectionModel()
        for image in images:
            row = self.model.row_of(image)
            if row >= 0:
                selection.select(self.model.index(row, 0), QItemSelectionModel.SelectionFlag.Select)

    def _show_current(self) -> None:
        """Make the open image's row the current one, without opening it again."""
        wanted = self._browsing.cursor
        row = self.model.row_of(wanted)
        selection = self.view.selectionModel()
        if row < 0 or self.view.currentIndex().row() == row:
            self.view.viewport().update()
            return
        index = self.model.index(row, 0)
        kept = wanted in self.selected_images()
        flags = QItemSelectionModel.SelectionFlag
        self._syncing = True
        selection.setCurrentIndex(index, flags.NoUpdate if kept else flags.ClearAndSelect)
        self._syncing = False
        self.view.scrollTo(index)
        self.view.viewport().update()
        self.selection_changed.emit()

    def _on_current(self, current: QModelIndex, _previous: QModelIndex) -> None:
        image = self.model.image_at(current.row()) if current.isValid() else -1
        if image >= 0 and image != self._browsing.cursor and not self._syncing:
            self._browsing.select(image)

    def _forget_filter(self) -> None:
        """What was looked for in one folder is not looked for in the next."""
        project = self._session.project
        root = None if project is None else project.root
        if root != self._root:
            self._root = root
            self.filter.clear()
            self.show_.setCurrentText(Show.ALL.value)

    def _enter_list(self) -> None:
        """Go from the filter to the list, and to its first image unless the open one is listed."""
        self._build()
        if self.model.images and self.model.row_of(self._browsing.cursor) < 0:
            self.view.setCurrentIndex(self.model.index(0, 0))
        if self.model.images:
            self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _list_all(self) -> None:
        self.filter.clear()
        self.show_.setCurrentText(Show.ALL.value)
        self._build()

    def _show_menu(self, place: QPoint) -> None:
        if not self.view.indexAt(place).isValid():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._actions.refresh()
        menu.addActions([self._actions[action_id] for action_id in _MENU])
        menu.popup(self.view.viewport().mapToGlobal(place))

    def _on_selection(self) -> None:
        self.view.viewport().update()
        self.selection_changed.emit()

    def _want_thumbnails(self) -> None:
        height = self.view.viewport().height()
        first = max(0, self.view.indexAt(self.view.viewport().rect().topLeft()).row())
        rows = range(first, first + height // 40 + 3)
        self._thumbnails.want([self.model.image_at(row) for row in rows])

    def _make_view(self) -> QListView:
        view = QListView()
        view.setModel(self.model)
        view.setItemDelegate(ImageDelegate(self._session, self.model, self._thumbnails.get, view))
        view.setUniformItemSizes(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setMouseTracking(True)
        view.setAccessibleName("Images")
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        return view

    def _make_contents(self) -> QWidget:
        choices = QHBoxLayout()
        choices.setSpacing(6)
        choices.addWidget(self.show_, 1)
        choices.addWidget(self.order, 1)
        top = QVBoxLayout()
        top.setContentsMargins(8, 6, 8, 6)
        top.setSpacing(6)
        top.addWidget(self.filter)
        top.addLayout(choices)
        self.count.setContentsMargins(8, 3, 8, 5)
        contents = QWidget()
        column = QVBoxLayout(contents)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addLayout(self._list, 1)
        column.addWidget(self.count)
        return contents

    def _make_empty(self) -> EmptyState:
        opener = QPushButton(icon("folder-open"), "Open folder…")
        opener.clicked.connect(self.open_requested)
        samples = QPushButton(icon("flask-conical"), "Open samples")
        samples.clicked.connect(self.samples_requested)
        self.recent = [self._recent_button(Path(p)) for p in self._browsing.recent()[:_RECENT]]
        return EmptyState(_EMPTY, opener, samples, *self.recent)

    def _recent_button(self, folder: Path) -> QPushButton:
        """Opens a folder that was open before."""
        button = QPushButton(icon("history"), "")
        metrics = button.fontMetrics()
        name = metrics.elidedText(
            printable(folder.name), Qt.TextElideMode.ElideMiddle, _RECENT_WIDTH
        )
        button.setText(name.replace("&", "&&"))
        button.setFlat(True)
        button.setToolTip(plain(str(folder)))
        button.setAccessibleName(f"Open {printable(folder.name)} again")
        button.clicked.connect(lambda: self._browsing.open_path(folder))
        return button


def _combo(name: str, texts: list[str]) -> QComboBox:
    combo = ElidedCombo()
    combo.addItems(texts)
    combo.setAccessibleName(name)
    combo.setToolTip(name)
    combo.setMinimumContentsLength(6)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return combo


_TO_LIST = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down)


class FilterField(QLineEdit):
    """Enter and the arrow down go to the list, Esc empties the field or, empty, leaves it too.

    Signals:
        list_wanted: The user is done with typing.
    """

    list_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText("Filter by name")
        self.setToolTip("Words that the name must hold.\nEnter goes to the list, Esc empties it.")
        self.setClearButtonEnabled(True)
        self.setAccessibleName("Filter images by name")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_escape = event.key() == Qt.Key.Key_Escape
        if is_escape and self.text():
            self.clear()
        elif is_escape or event.key() in _TO_LIST:
            self.list_wanted.emit()
        else:
            super().keyPressEvent(event)
