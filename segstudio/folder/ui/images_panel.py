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
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from segstudio.core.formatting import count_text, counted, short_text
from segstudio.folder.browsing import Browsing
from segstudio.folder.folder_states import FolderStates
from segstudio.folder.label_contents import LabelContents
from segstudio.folder.ui.filter_field import ImageFilter
from segstudio.folder.ui.image_delegate import ROW_HEIGHT, ImageDelegate, ImagesView
from segstudio.folder.ui.image_list_rows import ImagesModel, ListRows, ListWish, Order, Show
from segstudio.folder.ui.images_foot import ImagesFoot
from segstudio.folder.work_progress import WorkProgress
from segstudio.jobs import JobRunner
from segstudio.kit.action_set import ActionSet
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.icon_button import ChoiceButton
from segstudio.kit.model_titles import telling_title
from segstudio.kit.panel_header import PanelHeader
from segstudio.kit.plain import plain
from segstudio.kit.row_menu import new_menu
from segstudio.kit.thumbnail_pixmaps import ThumbnailPixmaps
from segstudio.metrics.tally import lead_name
from segstudio.runs.batch import model_of
from segstudio.runs.score_sides import run_title
from segstudio.runs.scoring import Scoring
from segstudio.session.session import Change, Session, What
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.project import Project

_EMPTY = "No folder is open."
_NONE_LISTED = "No image is like that."
_NONE_KNOWN = "No image is known to be like that."
_LISTING = "image list"
_THUMBNAIL_PX = 124
_LEAST_WIDTH = 139
"""With the line beside it as wide as its column may be at least; wider, it would be scrolled."""
_MENU = (
    ("model.run", "model.run_selected", "file.export"),
    ("image.reviewed", "image.flagged", "image.note"),
    ("edit.revert", "edit.versions"),
    ("image.copy_name", "image.copy_path", "image.show_file"),
)
"""What can be done with an image from its row, by id; lines between the groups."""


class ImagesPanel(QWidget):
    """Filter, order, and the images with thumbnails, signs and scores.

    Attributes:
        count: How many images there are; beside the panel's name.
        filter: Where images are looked for.
        foot: What is said below the list.
        shared: What the names of all listed images have in common.
        listed: How many are listed, if not all.

    Signals:
        selection_changed: Other images are selected (for "run on selected images").
    """

    selection_changed = Signal()

    def __init__(
        self,
        session: Session,
        browsing: Browsing,
        scoring: Scoring,
        states: FolderStates,
        contents: LabelContents,
        progress: WorkProgress,
        jobs: JobRunner,
        actions: ActionSet,
        count_errors: Callable[[bool], None],
        parent: QWidget | None = None,
    ) -> None:
        """Args:
        session: What is open.
        browsing: Opens images.
        scoring: Their scores.
        states: Their marks and notes.
        contents: What their masks hold.
        progress: How far the work on the folder is.
        jobs: Where long lists are chosen and sorted.
        actions: What can be done with an image.
        count_errors: Called with whether the list is in the order of errors.
        parent: Where it stays.
        """
        super().__init__(parent)
        self._count_errors, self._scoring = count_errors, scoring
        self._order_counted = Order.NAME
        self._session, self._browsing, self._actions = session, browsing, actions
        self._states, self._contents, self._progress = states, contents, progress
        self._jobs = jobs
        self._syncing = False
        self._wish_shown = ListWish()
        self._enters = False
        """Whether the list gets the keys once what is typed was looked for."""
        self._root: Path | None = None
        self.model = ImagesModel(session, scoring, contents, self)
        self._thumbnails = ThumbnailPixmaps(
            browsing, _THUMBNAIL_PX, lambda image: self.model.repaint_images([image])
        )
        self._search = ImageFilter(lambda: session.schema)
        self.filter = self._search.field
        self.filter_note = self._search.note
        self.show_ = self.filter.funnel
        self.order = ChoiceButton(
            "arrow-down-wide-narrow", "Order of the list", [o.value for o in Order]
        )
        self.view = self._make_view()
        self.show_all = QPushButton("List all")
        self._nothing = EmptyState(_NONE_LISTED, self.show_all)
        self._list = Switch(self._nothing, self.view)
        self.header = PanelHeader("Images", note=Qt.TextElideMode.ElideNone, panel=self)
        self.header.add(self.order)
        self.header.add_menu("More of the images panel")
        self.count = self.header.note
        self.foot = ImagesFoot()
        self.shared, self.listed = self.foot.shared, self.foot.listed
        self._had_keys: QWidget | None = None
        self._note_project: Project | None = None
        self._switch = Switch(EmptyState(_EMPTY), self._make_contents(), inside=self)
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

    def write_note(self) -> None:
        """Let the user write a line on the open image."""
        document, project = self._session.document, self._session.project
        if document is not None and project is not None:
            self.foot.note.keep()
            self._had_keys, self._note_project = QApplication.focusWidget(), project
            self.foot.write_note(document.ref, self._session.state(self._session.index).note)

    def _keep_note(self, ref: ImageRef, note: str) -> None:
        if self._note_project is not None:
            self._states.keep_note(self._note_project, ref, note)

    def _give_keys_back(self) -> None:
        had, self._had_keys = self._had_keys, None
        (self.view if had is None or not isValid(had) else had).setFocus()

    def _tell_key(self) -> None:
        key = self._actions["image.find"].shortcut()
        self.filter.show_key(key.toString(key.SequenceFormat.NativeText))

    def _connect(self) -> None:
        self._actions.keymap_changed.connect(self._tell_key)
        self._tell_key()
        self._search.changed.connect(self._rebuild.request)
        self.foot.note.written.connect(self._keep_note)
        self.foot.note.left.connect(self._give_keys_back)
        self._contents.changed.connect(self._rebuild.request)
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
        if what & (What.PROJECT | What.STATES | What.DOCUMENT):
            self.foot.show_progress(self._progress)
        if what & (What.PROJECT | What.DOCUMENT | What.SCORES | What.VIEW | What.SCHEMA):
            self._say_scored()
        if what & (What.STATES | What.SCORES | What.VIEW | What.SCHEMA):
            self._on_marks(change)
        if what & What.ERROR_COUNTS and self.model.wish.order is Order.ERRORS:
            self._rebuild.request()
            self.view.viewport().update()

    def _on_marks(self, change: Change) -> None:
        wish = self.model.wish
        follows = What.STATES | What.SCORES | (What.SCHEMA if wish.query.terms else What(0))
        if not wish.is_plain and change.what & follows:
            self._rebuild.request()
        elif change.what & What.STATES and change.images:
            self.model.repaint_images(change.images)
        else:
            self.view.viewport().update()

    def _build(self) -> None:
        """List what is wanted; of many images a job chooses, and what was listed stays until then."""
        understood = self._search.understand()
        self.model.wish = ListWish(
            self._search.query, Show(self.show_.choice), Order(self.order.choice)
        )
        request = self.model.request()
        if request.is_quick:
            self._jobs.cancel_key(_LISTING)
            self._list_rows(request.rows(), tells=understood)
            return

        def done(rows: ListRows) -> None:
            if isValid(self) and rows.wish == self.model.wish:
                self._list_rows(rows, tells=understood)

        self._jobs.submit(
            "Looking for images",
            "lists",
            lambda job: request.rows(job.check),
            done,
            key=_LISTING,
            visible=False,
        )

    def _list_rows(self, rows: ListRows, *, tells: bool) -> None:
        """Show rows; `tells`: say what of the images is not known, instead of what is wrong."""
        project = self._session.project
        if project is not None and rows.of is not project.images:
            return  # the folder was read again meanwhile: that lists once more
        selected = self.selected_images()
        is_another_list = rows.wish != self._wish_shown
        self._wish_shown = rows.wish
        if rows.wish.order is not self._order_counted:
            self._order_counted = rows.wish.order
            self._count_errors(rows.wish.order is Order.ERRORS)
        self._syncing = True
        self.model.take(rows)
        self._syncing = False
        if tells:
            self._tell_unknown(rows)
        self._nothing.label.setText(_NONE_KNOWN if rows.found.is_open else _NONE_LISTED)
        self._show_current()
        if is_another_list and self.model.row_of(self._browsing.cursor) < 0:
            self.view.scrollToTop()
        self._select_again(selected)
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
        if self._enters:
            self._enters = False
            self._enter()

    def _tell_unknown(self, rows: ListRows) -> None:
        """Say what is not known of the images, and have it looked at."""
        found, contents = rows.found, self._contents
        if rows.wish.query.needs_contents:
            contents.want(found.uncounted)
        else:
            contents.rest()
        spec = self._session.models.get(model_of(self._session.view.scored_run))
        title = "" if spec is None else spec.title
        self._search.tell(found, len(found.uncounted & contents.unreadable), title)

    def _say_count(self, total: int) -> None:
        self.count.show_text(count_text(total) if total else "", short_text(total))
        self.count.setToolTip(counted(total, "image"))
        self.count.setAccessibleName(self.count.toolTip())

    def _say_scored(self) -> None:
        """Name the model whose scores stand behind the images."""
        session = self._session
        if not self._scoring.has_scores:
            self.foot.show_scored("", "")
            return
        title = run_title(session, session.view.scored_run)
        others = sorted({spec.title for spec in session.models.values()} - {title})
        tip = f"Behind each image: {lead_name(session.schema)} of {title}"
        self.foot.show_scored(telling_title(title, others), tip)

    def _say_shared(self) -> None:
        """Say once what the rows leave out."""
        shared = self.model.shared
        begins = shared.kinds or tuple(filter(None, (shared.begin,)))
        ends = [f"begin with {' or '.join(f'“{begin}”' for begin in begins)}"] * bool(begins)
        ends += [f"end with “{shared.end}”"] * bool(shared.end)
        self.foot.show_names(shown=bool(ends and self.model.images) or not self.listed.isHidden())
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
            self.foot.note.keep()
            self.filter.clear()
            self.show_.choose(Show.ALL.value)

    def _enter_list(self) -> None:
        """Go from the filter to the list, and to its first image unless the open one is listed."""
        self._enters = True
        self._build()

    def _enter(self) -> None:
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
        contents = QWidget()
        column = QVBoxLayout(contents)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._search)
        column.addLayout(self._list, 1)
        column.addWidget(self.foot)
        return contents
