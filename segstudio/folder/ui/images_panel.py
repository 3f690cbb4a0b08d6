"""The list of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPoint,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import count_text, counted, short_text
from segstudio.folder.browsing import Browsing
from segstudio.folder.ui.image_delegate import ROW_HEIGHT, ImageDelegate, ImagesView
from segstudio.folder.ui.image_list_rows import ImagesModel, Order, Show
from segstudio.kit.action_set import ActionSet
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.icon_button import ChoiceButton, icon_button
from segstudio.kit.icons import icon
from segstudio.kit.panel_header import PanelHeader
from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.row_menu import new_menu
from segstudio.kit.thumbnail_pixmaps import ThumbnailPixmaps
from segstudio.runs.scoring import Scoring
from segstudio.session.session import Change, Session, What

_EMPTY = "No folder is open."
_NONE_LISTED = "No image is like that."
_THUMBNAIL_PX, _LEAST_WIDTH = 124, 140
_MENU = (
    ("model.run", "model.run_selected", "file.export"),
    ("image.reviewed", "edit.revert", "edit.versions"),
    ("image.copy_name", "image.copy_path", "image.show_file"),
)
"""What can be done with an image from its row, by id; lines between the groups."""


class ImagesPanel(QWidget):
    """Filter, order, and the images with thumbnails, signs and scores.

    Attributes:
        count: How many images there are; beside the panel's name.
        shared: What the names of all listed images have in common; below the list.
        listed: How many are listed, if not all; beside it.

    Signals:
        selection_changed: Other images are selected (for "run on selected images").
    """

    selection_changed = Signal()

    def __init__(
        self,
        session: Session,
        browsing: Browsing,
        scoring: Scoring,
        actions: ActionSet,
        count_errors: Callable[[bool], None],
    ) -> None:
        """Args:
        session: What is open.
        browsing: Opens images.
        scoring: Their scores.
        actions: What can be done with an image.
        count_errors: Called with whether the list is in the order of errors.
        """
        super().__init__()
        self._count_errors = count_errors
        self._errors_shown: object = None
        self._session, self._browsing, self._actions = session, browsing, actions
        self._syncing = False
        self._root: Path | None = None
        self.model = ImagesModel(session, scoring, self)
        self._thumbnails = ThumbnailPixmaps(
            browsing, _THUMBNAIL_PX, lambda image: self.model.repaint_images([image])
        )
        self.filter = FilterField()
        self.show_ = self.filter.funnel
        self.order = ChoiceButton(
            "arrow-down-wide-narrow", "Order of the list", [o.value for o in Order]
        )
        self.view = self._make_view()
        self.show_all = QPushButton("List all")
        self._list = Switch(EmptyState(_NONE_LISTED, self.show_all), self.view)
        self.header = PanelHeader("Images", note=Qt.TextElideMode.ElideNone)
        self.header.add(self.order)
        self.count = self.header.note
        self.shared, self.listed = ElidedLabel(), PlainLabel()
        self._foot = self._make_foot()
        self._switch = Switch(EmptyState(_EMPTY), self._make_contents())
        self.setLayout(self._switch)
        self.setFocusProxy(self.view)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)
        self._rebuild = Coalescer(self, self._build, 0.2)
        self._look = Coalescer(self, self._want_thumbnails)
        self._connect()
        self._build()

    def minimumSizeHint(self) -> QSize:
        """As narrow as a row can be; what is said before a folder is open does not count."""
        return QSize(_LEAST_WIDTH, super().minimumSizeHint().height())

    def selected_images(self) -> list[int]:
        """Positions in the project of the selected images, in the order of the list."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedIndexes())
        return [self.model.image_at(row) for row in rows]

    @property
    def has_selection(self) -> bool:
        """Whether any image is selected."""
        return self.view.selectionModel().hasSelection()

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

    def _tell_key(self) -> None:
        key = self._actions["image.find"].shortcut()
        self.filter.show_key(key.toString(key.SequenceFormat.NativeText))

    def _connect(self) -> None:
        self._actions.keymap_changed.connect(self._tell_key)
        self._tell_key()
        self.filter.textChanged.connect(self._rebuild.request)
        self.filter.list_wanted.connect(self._enter_list)
        self.show_all.clicked.connect(self._list_all)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.show_.chosen.connect(self._build)
        self.order.chosen.connect(self._build)
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
        if what & What.ERRORS and self._session.correcting.of_images is not self._errors_shown:
            self._errors_shown = self._session.correcting.of_images
            if self.model.order is Order.ERRORS:
                self._rebuild.request()
                self.view.viewport().update()

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
        self.model.order = Order(self.order.choice)
        self.model.show = Show(self.show_.choice)
        if self.model.order is not before[1]:
            self._count_errors(self.model.order is Order.ERRORS)
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
        self._say_count(total)
        self.listed.setText(f"{count_text(listed)} of {count_text(total)}")
        self.listed.setVisible(listed < total)
        self._say_shared()
        self._switch.show_contents(project is not None, _EMPTY)
        self._look.request()

    def _say_count(self, total: int) -> None:
        self.count.show_text(count_text(total) if total else "", short_text(total))
        self.count.setToolTip(counted(total, "image"))
        self.count.setAccessibleName(self.count.toolTip())

    def _say_shared(self) -> None:
        """Say once what the rows leave out."""
        shared = self.model.shared
        begins = shared.kinds or tuple(filter(None, (shared.begin,)))
        ends = [f"begin with {' or '.join(f'“{begin}”' for begin in begins)}"] * bool(begins)
        ends += [f"end with “{shared.end}”"] * bool(shared.end)
        self._foot.setVisible(bool(ends and self.model.images) or not self.listed.isHidden())
        self.shared.show_text(shared.pattern if self.model.images else "")
        tip = f"The listed names {' and '.join(ends)}." if ends else ""
        self.shared.setToolTip(plain(tip))

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
        is_current = self.view.currentIndex().row() == row
        # the view itself makes the first row current when it gets the focus, but selects nothing
        if row < 0 or (is_current and selection.hasSelection()):
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
            self.show_.choose(Show.ALL.value)

    def _enter_list(self) -> None:
        """Go from the filter to the list, and to its first image unless the open one is listed."""
        self._build()
        if self.model.images and self.model.row_of(self._browsing.cursor) < 0:
            self.view.setCurrentIndex(self.model.index(0, 0))
        if self.model.images:
            self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _list_all(self) -> None:
        self.filter.clear()
        self.show_.choose(Show.ALL.value)
        self._build()

    def _show_menu(self, place: QPoint) -> None:
        if not self.view.indexAt(place).isValid():
            return
        menu = new_menu(self)
        self._actions.refresh()
        for group in _MENU:
            menu.addActions([self._actions[action_id] for action_id in group])
            menu.addSeparator()
        menu.popup(self.view.viewport().mapToGlobal(place))

    def _on_selection(self) -> None:
        self.view.viewport().update()
        self.selection_changed.emit()

    def _want_thumbnails(self) -> None:
        height = self.view.viewport().height()
        first = max(0, self.view.indexAt(self.view.viewport().rect().topLeft()).row())
        rows = range(first, first + height // ROW_HEIGHT + 3)
        self._thumbnails.want([self.model.image_at(row) for row in rows])

    def _make_view(self) -> ImagesView:
        view = ImagesView()
        view.setModel(self.model)
        view.setItemDelegate(
            ImageDelegate(self._session, self._browsing, self.model, self._thumbnails.get, view)
        )
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
        top = QVBoxLayout()
        top.setContentsMargins(8, 0, 8, 5)
        top.addWidget(self.filter)
        contents = QWidget()
        column = QVBoxLayout(contents)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addLayout(self._list, 1)
        column.addWidget(self._foot)
        return contents

    def _make_foot(self) -> QFrame:
        foot = QFrame()
        foot.setObjectName("imagesFoot")
        foot.setFixedHeight(28)
        row = QHBoxLayout(foot)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self.shared, 1)
        row.addWidget(self.listed)
        self.shared.setAccessibleName("What all listed names have in common")
        self.listed.setAccessibleName("How many images are listed")
        foot.hide()
        return foot


_GLASS, _BUTTON = 14, 24
_TO_LIST = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down)


class FilterField(QLineEdit):
    """Enter and the arrow down go to the list, Esc empties the field or, empty, leaves it too.

    Attributes:
        funnel: Chooses which images are listed; stands in the field.

    Signals:
        list_wanted: The user is done with typing.
    """

    list_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText("Filter")
        self.show_key("")
        self.setAccessibleName("Filter images by name")
        self._glass = PlainLabel("", self)
        self._glass.setPixmap(icon("search").pixmap(QSize(_GLASS, _GLASS)))
        self.funnel = ChoiceButton("funnel", "Which images are listed", [s.value for s in Show])
        self._clear = icon_button("x", "Empty the filter (Esc)", px=14)
        for button in (self.funnel, self._clear):
            button.setParent(self)
            button.setCursor(Qt.CursorShape.ArrowCursor)
            button.setFixedSize(_BUTTON, _BUTTON)
        self._clear.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the field has a key for it
        self._clear.clicked.connect(self.clear)
        self.textChanged.connect(self._make_room)
        self._make_room()

    def show_key(self, key: str) -> None:
        """Tell the key that leads to the field."""
        key = f" ({key})" if key else ""
        self.setToolTip(
            f"Words that the name must hold{key}.\nEnter goes to the list, Esc empties the field."
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_escape = event.key() == Qt.Key.Key_Escape
        if is_escape and self.text():
            self.clear()
        elif is_escape or event.key() in _TO_LIST:
            self.list_wanted.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        top = (self.height() - _BUTTON) // 2
        self._glass.setGeometry(6, 0, _GLASS + 4, self.height())
        self.funnel.move(self.width() - _BUTTON - 2, top)
        self._clear.move(self.width() - 2 * _BUTTON - 2, top)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme: a pixmap keeps its colour."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange and hasattr(self, "_glass"):
            self._glass.setPixmap(icon("search").pixmap(QSize(_GLASS, _GLASS)))

    def _make_room(self) -> None:
        self._clear.setVisible(bool(self.text()))
        self.setTextMargins(_GLASS + 3, 0, _BUTTON * (2 if self.text() else 1), 0)
