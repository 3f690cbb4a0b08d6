"""The canvas: views of the image that is worked on, or a line that says how to begin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QMoveEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from segstudio.annotation.assistant import Assistant
from segstudio.canvas.linked_views import LinkedViews
from segstudio.canvas.object_tags import ObjectTags
from segstudio.canvas.over_photo import over_photo_on
from segstudio.canvas.pane_grid import PaneGrid
from segstudio.canvas.pane_view import PaneView
from segstudio.canvas.shared_tools import SharedTools
from segstudio.canvas.tool import Tool
from segstudio.canvas.view import Point
from segstudio.canvas.view_words import NamesInViews
from segstudio.canvas.viewport import Viewport
from segstudio.core.geometry import Rect
from segstudio.core.mask_preview import MaskPreview
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.plain import LinkLabel
from segstudio.session.document import Document
from segstudio.session.session import MAX_PANES, Change, ViewState, What

if TYPE_CHECKING:
    from segstudio.annotation.clipboard import Clipboard
    from segstudio.annotation.editing import Editing
    from segstudio.annotation.object_table import ObjectTable
    from segstudio.annotation.objects import Objects
    from segstudio.annotation.prompting import Prompting
    from segstudio.annotation.taking import Taking
    from segstudio.comparison.comparing import Comparing
    from segstudio.jobs import JobRunner
    from segstudio.session.session import Session
    from segstudio.storage.project import Project

_LOOK = What.PREDICTIONS | What.SCHEMA
_MARKED = What.TRACE | What.INSPECTION | What.OVER_PHOTO
_REPAINTED = What.SCHEMA | What.OVER_PHOTO
_HEADER = (
    What.DOCUMENT | What.VIEW | _LOOK | What.MODELS | What.TRACE | What.OVER_PHOTO | What.EVALUATION
)


class Canvas(QWidget):
    """Shows the open image in one view or in several, and lets the user work on it in each.

    Attributes:
        names: Of the models in the views.

    Signals:
        hovered: (x, y) of the image pixel under the pointer.
        left: The pointer is on no image pixel any more.
        zoom_changed: Device pixels per image pixel.
        placed: (zoom, the image point (x, y) in the middle of the first view); a zoom of 0 says
            that the whole image is kept in sight.
        path_dropped: A folder or file (a Path) was dropped.
        open_requested: The user wants to choose a folder.
        samples_requested: The user wants the samples.
        pixel_clicked: (x, y): the hand clicked on a pixel while the network inspector is open.
        rectangle_drawn: It drew a `Rect` with Shift held, or None by a click.
        take_requested: (x, y, run): a click with Ctrl and Shift asked for what the model of a view
            says there.
        over_photo_closed: What the inspector lays over the photo shall go.
        over_photo_faded: How strongly it shall cover the photo, 0..1.
        menu_opening: A view's menu opens: (menu, its picture, the pixel (x, y) under the pointer
            or None).
        tool_said: How what the tool in hand has begun goes on or ends; "" where nothing is.
    """

    hovered = Signal(int, int)
    left = Signal()
    zoom_changed = Signal(float)
    placed = Signal(float, object)
    path_dropped = Signal(object)
    open_requested = Signal()
    samples_requested = Signal()
    pixel_clicked = Signal(int, int)
    rectangle_drawn = Signal(object)
    take_requested = Signal(int, int, str)
    over_photo_closed = Signal()
    over_photo_faded = Signal(float)
    menu_opening = Signal(object, object, object)
    tool_said = Signal(str)

    def __init__(
        self,
        session: Session,
        editing: Editing,
        comparing: Comparing,
        jobs: JobRunner | None,
        keep_view: Callable[[], bool],
        tools: Iterable[type[Tool]],
        parent: QWidget | None = None,
        *,
        key_of: Callable[[str], str] = lambda _command: "",
        prompting: Prompting | None = None,
        objects: Objects | None = None,
        clipboard: Clipboard | None = None,
        taking: Taking | None = None,
        object_table: ObjectTable | None = None,
    ) -> None:
        super().__init__(parent)
        self._key_of, self._object_table = key_of, object_table
        self._session, self._comparing, self._jobs = session, comparing, jobs
        self._keep_view = keep_view
        self.names = NamesInViews(session, comparing)
        self._linked = LinkedViews()
        self._tools = SharedTools(
            session,
            editing,
            tools,
            self._flip_overlay,
            self._blink,
            prompting,
            objects,
            Assistant(session, jobs),
            self.tool_said.emit,
            clipboard,
            taking,
        )
        self._asked_rect: Rect | None = None
        self.empty = EmptyPage(self)
        self.grid = PaneGrid(self, self._linked.placing)
        self._shown, self._count = 1, 1
        self._size_before, self._moved = QSize(), QPoint()
        self._pointed: Viewport | None = None
        self._headers = Coalescer(self, self._fill_headers)
        self._scores = Coalescer(self, self._show_scores)
        self._stock = PaneStock(self, self._make_pane)
        self._stock.grown.connect(self._grow)
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self._show_next)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.grid)
        self.setFocusProxy(self.viewport)
        self.setAcceptDrops(True)
        self.viewport.zoom_changed.connect(self.zoom_changed)
        self.viewport.placed.connect(self._tell_place)
        self.empty.open_requested.connect(self.open_requested)
        self.empty.samples_requested.connect(self.samples_requested)
        self._session.changed.connect(self._on_change)
        if jobs is not None:
            jobs.changed.connect(self._headers.request)
        self._place_panes()
        self._show_panes()
        self._show_document()

    @property
    def panes(self) -> list[PaneView]:
        """The views made so far, shown or not."""
        return self._stock.panes

    @property
    def viewport(self) -> Viewport:
        """The first view."""
        return self.panes[0].viewport

    @property
    def shown_panes(self) -> list[PaneView]:
        return self.panes[: self._shown]

    @property
    def zoom(self) -> float:
        """Device pixels per image pixel; 1 is 100 %."""
        return self.viewport.zoom

    @property
    def pane_at_hand(self) -> int:
        """Number of the view under the pointer, else of the one that was clicked on last."""
        latest = self._pointed
        if latest is not None and latest.has_pointer and latest.number < self._shown:
            return latest.number
        under = (p.viewport.number for p in self.shown_panes if p.header_has_pointer)
        return next(under, min(self._session.view.active_pane, self._shown - 1))

    @property
    def shown_view(self) -> ViewState:
        """What the view at hand shows."""
        return self._session.view.of_pane(self.pane_at_hand)

    def tell_tool(self, name: str, what: str) -> None:
        """Take a tool and give it one of its own commands, about the pixel under the pointer."""
        self._at_hand.tell_tool(name, what)

    @property
    def pixel_at_hand(self) -> tuple[int, int] | None:
        """The image's pixel (x, y) under the pointer, or None."""
        return self._at_hand.pixel_at_pointer

    def show_change(self, pixels: MaskPreview | None) -> None:
        """Mark pixels that would change in every view, or none."""
        for pane in self.shown_panes:
            pane.viewport.show_change(pixels)

    def fit(self) -> None:
        self._at_hand.fit()

    def actual_size(self) -> None:
        """100 %."""
        self._at_hand.actual_size()

    def show_at(self, zoom: float) -> None:
        """So many pixels of the screen for an image pixel."""
        self._at_hand.show_at(zoom)

    def zoom_in(self) -> None:
        """The next larger usual zoom."""
        self._at_hand.zoom_in()

    def zoom_out(self) -> None:
        """The next smaller usual zoom."""
        self._at_hand.zoom_out()

    def show_rect(self, rect: Rect) -> None:
        """Bring a part of the image to the middle of every view and frame it for a moment.

        While an image is being read it is a part of that image, shown once it is there.
        """
        if self._session.document is None or self._session.loading:
            self._asked_rect = rect
            return
        self._asked_rect = None
        self.viewport.show_rect(rect)
        for pane in self.shown_panes:
            pane.viewport.frame_rect(rect)

    def take_focus(self) -> None:
        """Give the keys to a view, unless one has them; without an image to what is there instead."""
        if self._pages.currentWidget() is self.empty:
            self.empty.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif not any(pane.viewport.hasFocus() for pane in self.shown_panes):
            self._at_hand.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def abort(self) -> bool:
        """Undo the stroke or polygon that is begun; returns whether there was one."""
        aborted = [pane.viewport.abort() for pane in self.shown_panes]
        return any(aborted)

    @property
    def begun(self) -> tuple[object, ...]:
        """Images with a polygon that is begun and not closed."""
        return self._tools.begun

    def show_point(self, pixel: tuple[int, int] | None) -> None:
        """Mark the image pixel (x, y) that is pointed at in the inspector, or none."""
        for pane in self.shown_panes:
            pane.viewport.show_point(pixel)

    def set_peek_key(self, key: Qt.Key) -> None:
        """The key that hides the overlay while it is held."""
        self._tools.held.peek_key = key

    def set_blink_key(self, key: Qt.Key) -> None:
        """The key that shows the compared layer while it is held."""
        self._tools.held.blink_key = key

    @property
    def _at_hand(self) -> Viewport:
        return self.panes[self.pane_at_hand].viewport

    def _flip_overlay(self) -> None:
        self._session.set_view(overlay_visible=not self._session.view.overlay_visible)

    def _blink(self, on: bool) -> None:
        self._comparing.blink(self.pane_at_hand if on else None)

    # -- the views -----------------------------------------------------------------------------

    def _make_pane(self, number: int) -> PaneView:
        viewport = Viewport(
            self._session,
            self._tools,
            self._keep_view,
            number=number,
            linked=self._linked,
        )
        viewport.jobs = self._jobs
        objects = self._tools.objects
        viewport.tones = None if objects is None else objects.tones
        viewport.tags = None if self._object_table is None else ObjectTags(self._object_table)
        viewport.hovered.connect(self.hovered)
        viewport.left.connect(self.left)
        viewport.pixel_clicked.connect(self.pixel_clicked)
        viewport.rectangle_drawn.connect(self.rectangle_drawn)
        viewport.pointed.connect(partial(self._show_ghosts, viewport))
        viewport.used.connect(partial(self._activate, viewport))
        viewport.take_requested.connect(partial(self._ask_answer, viewport))
        pane = PaneView(self._session, self._comparing, viewport, self.grid, self._key_of)
        pane.header.closed.connect(self.over_photo_closed)
        pane.header.faded.connect(self.over_photo_faded)
        pane.header.menu_opening.connect(
            lambda menu, pixel: self.menu_opening.emit(menu, viewport, pixel)
        )
        return pane

    def _show_panes(self) -> None:
        """Show as many views as the session says: the first ones at once, the others in turn."""
        count = len(self._session.view.all_panes)
        if count == self._count:
            return
        self._count = count
        for pane in self.panes[count : self._shown]:
            pane.viewport.let_go()
        self._shown = max(1, min(self._shown, count))
        self._place_panes()
        self._show_next()

    def _place_panes(self) -> None:
        with self._linked.placing():
            self._linked.set_views([pane.viewport for pane in self.shown_panes])
            self.grid.show_panes(self.shown_panes, self._count)
        for pane in self.shown_panes:
            pane.viewport.show_ghost(None)

    def _show_next(self) -> None:
        """Show one view more, if it is made, and the next one when input has been looked at."""
        if self._shown == self._count or not self._stock.want(self._count, self._shown + 1):
            return
        pane = self.panes[self._shown]
        self._shown += 1
        with self._linked.placing():
            pane.viewport.show_document()
            self._place_panes()
        pane.viewport.refresh_view_state()
        self._headers.request()
        if self._shown < self._count:
            self._turn.start()

    def _grow(self) -> None:
        """A view that was waited for is made."""
        self._show_next()

    def _fill_headers(self) -> None:
        """Say in every view what it shows, and how good it is."""
        session, document = self._session, self._session.document
        if document is None:
            return
        names, scores = self.names.now, self._comparing.scores()
        over = over_photo_on(document, session.inspection)
        panes = session.view.all_panes
        layer_said = len({pane.layer for pane in panes}) == 1
        for pane in self.shown_panes:
            number = pane.viewport.number
            if number < len(panes):
                first = over if number == 0 else None
                pane.header.show_all(names, scores[number], first, layer_said=layer_said)

    def _show_scores(self) -> None:
        scores = self._comparing.scores()
        for pane in self.shown_panes:
            if pane.viewport.number < len(scores):
                pane.header.show_score(scores[pane.viewport.number])

    def _may_make_a_layer(self, change: Change) -> bool:
        """Whether a stroke may make the annotation a layer, or take the last of it away."""
        document = self._session.document
        return bool(change.what & What.LABELS) and document is not None and document.is_bare

    def _show_ghosts(self, source: Viewport, image_xy: Point | None) -> None:
        """The pointer is at an image point of one view: mark it in the others."""
        self._pointed = source
        for pane in self.shown_panes:
            if pane.viewport is not source:
                pane.viewport.show_ghost(image_xy)

    def _tell_place(self) -> None:
        if not self._session.loading:
            viewport = self.viewport
            middle = viewport.to_image((viewport.width() / 2, viewport.height() / 2))
            self.placed.emit(0.0 if viewport.fits else viewport.zoom, middle)

    def _go_back(self, document: Document) -> None:
        """Show the part of an image that was seen when its folder was open the last time."""
        left_at, self._session.reopened = self._session.reopened, None
        if left_at is None or left_at.zoom <= 0:
            return
        if (left_at.image, left_at.page) == (document.ref.name, document.ref.page):
            self.viewport.show_at(left_at.zoom)
            self.viewport.center_on(left_at.middle_xy)

    def _activate(self, viewport: Viewport) -> None:
        if self._session.view.active_pane != viewport.number:
            self._session.set_view(active_pane=viewport.number)

    def _ask_answer(self, viewport: Viewport, x: int, y: int) -> None:
        self.take_requested.emit(x, y, viewport.run_at_pointer)

    # -- the session changed -------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        what = change.what
        if what & What.VIEW:
            self._show_panes()
        if what & (What.DOCUMENT | What.PROJECT):
            self._show_document()
        elif what & What.PHOTO:
            self._show_photo()
        for pane in self.shown_panes:
            _refresh(pane.viewport, change, self._session.document)
        if what & _HEADER or self._may_make_a_layer(change):
            self._headers.request()
        elif what & What.SCORES:
            self._scores.request()

    def _show_photo(self) -> None:
        for pane in self.shown_panes:
            pane.viewport.refresh_photo()

    def _show_document(self) -> None:
        session = self._session
        for pane in self.shown_panes:
            pane.viewport.show_document()
        if self.viewport.document is None:
            if session.loading:
                self.empty.show_reading(session.loading)
            elif session.unreadable is not None:
                self.empty.show_unreadable(session.unreadable.message, session.unreadable.hint)
            else:
                self.empty.show_no_image(session.project)
            self._pages.setCurrentWidget(self.empty)
        else:
            height, width = self.viewport.document.shape_hw
            self.grid.show_aspect(width / height)
            if self._pages.currentWidget() is not self.grid:
                self._pages.setCurrentWidget(self.grid)
                self.viewport.came_with_its_page()
            self._stock.make_ahead()
        if session.document is not None:
            self._go_back(session.document)
        if self._asked_rect is not None and session.document is not None and not session.loading:
            self.show_rect(self._asked_rect)

    # -- dropping files ------------------------------------------------------------------------

    def moveEvent(self, event: QMoveEvent) -> None:
        """A bar above the views moves them under a resting pointer."""
        super().moveEvent(event)
        way = event.pos() - event.oldPos()
        worked_in = next((p.viewport for p in self.shown_panes if p.viewport.underMouse()), None)
        if worked_in is not None and self.size() == self._size_before - QSize(0, way.y()):
            self._linked.keep_still(worked_in, way.y())
            self._moved = way  # the views get their new sizes first
        else:
            self._follow_pointer(way)

    def _follow_pointer(self, way: QPoint) -> None:
        for pane in self.shown_panes:
            pane.viewport.moved_by(way)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The views have their new sizes already: Qt lays them out before."""
        super().resizeEvent(event)
        self._size_before = self.size()
        self._linked.keep_still(None)
        self._follow_pointer(self._moved)
        self._moved = QPoint()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._linked.left()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped_path(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped_path(event.mimeData())
        if path is not None:
            event.acceptProposedAction()
            self.path_dropped.emit(path)


def _refresh(viewport: Viewport, change: Change, shown: Document | None) -> None:
    """Renew what a change concerns in one view."""
    if not change.what & (What.DOCUMENT | What.PROJECT):
        if change.what & _REPAINTED:
            viewport.refresh_overlay()
        else:
            if change.what & (What.PREDICTIONS | What.DISAGREEMENT):
                viewport.refresh_predictions()
            if change.what & What.LABELS and change.document is shown:
                viewport.refresh_labels(change.patches)
    if change.what & What.VIEW:
        viewport.refresh_view_state()
    selected = change.what & What.HISTORY and viewport.session.selection
    if change.what & (What.DISAGREEMENT | What.ERRORS | What.OBJECTS) or selected:
        viewport.refresh_tones()
        viewport.update()  # the outlines of the opened region and of what is selected, its tags
    if change.what & _MARKED:
        viewport.refresh_filling()
        viewport.refresh_marks()


def _dropped_path(data: QMimeData) -> Path | None:
    """The first local file or folder of what is dragged."""
    local = (QUrl.toLocalFile(url) for url in data.urls() if url.isLocalFile())
    return next((Path(name) for name in local if name), None)


_NOTHING = (
    'Drop a folder here, <a href="open">open one</a>, or <a href="samples">open the samples</a>'
)
_NO_IMAGES = (
    'There are no images in this folder. <a href="open">Open another one</a>, '
    'or <a href="samples">open the samples</a>'
)


class EmptyPage(QWidget):
    """Says what to do, with links, or why the selected image is not seen.

    Signals:
        open_requested: The user wants to choose a folder.
        samples_requested: The user wants the samples.
    """

    open_requested = Signal()
    samples_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = LinkLabel(_NOTHING)
        self._line.setAlignment(Qt.AlignmentFlag.AlignCenter)
        font = self._line.font()
        font.setPixelSize(round(self._line.fontInfo().pixelSize() * 1.25))
        self._line.setFont(font)
        self._line.linkActivated.connect(self._follow)
        layout = QVBoxLayout(self)
        layout.addWidget(self._line)

    @property
    def line(self) -> QLabel:
        return self._line

    def show_no_image(self, project: Project | None) -> None:
        """Say that nothing is open, or that the open folder has no images.

        Where it has some the first one comes in a moment, and nothing is said.
        """
        if project is not None and project.images:
            self._say("")
        else:
            self._say(_NOTHING if project is None else _NO_IMAGES, Qt.TextFormat.RichText)

    def show_reading(self, name: str) -> None:
        """Say that the first image is being read."""
        self._say(f"Reading {name}…")

    def show_unreadable(self, message: str, hint: str) -> None:
        """Say why the selected image cannot be shown."""
        self._say(f"{message}\n\n{hint}" if hint else message)

    def _say(self, text: str, kind: Qt.TextFormat = Qt.TextFormat.PlainText) -> None:
        self._line.setTextFormat(kind)
        self._line.setText(text)

    def _follow(self, link: str) -> None:
        (self.samples_requested if link == "samples" else self.open_requested).emit()


_REST_MS = 700
"""After this time without hurry the views that may be wanted later are begun."""
_PAUSE_MS = 40
"""So much time lies between the parts of views that nobody waits for."""


class PaneStock(QObject):
    """Makes views: ahead of time, or when they are wanted.

    A view takes some milliseconds. Only the first one is made with the first image; once that is shown and
    nothing happens, all are made in the background of the event loop.

    Attributes:
        panes: The views made so far, the first one first.

    Signals:
        grown: One of the views that were wanted is made.
    """

    grown = Signal()

    def __init__(self, parent: QObject, make_pane: Callable[[int], PaneView]) -> None:
        """Args:
        parent: What it lives as long as.
        make_pane: Makes the view of a number.
        """
        super().__init__(parent)
        self._make_pane = make_pane
        self._wanted = 0
        self.panes: list[PaneView] = [make_pane(0)]
        self._steps = self._all_steps()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._step)

    @property
    def complete(self) -> int:
        """How many views are made."""
        return len(self.panes)

    @property
    def is_waited_for(self) -> bool:
        """Whether a view that is wanted is not made."""
        return self.complete < self._wanted

    def want(self, count: int, now: int) -> bool:
        """Have so many views made in the next turns.

        Args:
            count: How many are wanted.
            now: How many of them are needed at once.

        Returns:
            Whether those are made.
        """
        if self.complete < count:
            self._wanted = max(self._wanted, count)
            self._timer.start(0)
        return self.complete >= now

    def make_ahead(self) -> None:
        """Make all views when there is nothing else to do."""
        if self.complete < MAX_PANES and not self._timer.isActive():
            self._timer.start(_REST_MS)

    def _step(self) -> None:
        """Do one part of the work."""
        waited, before = self.is_waited_for, self.complete
        if next(self._steps, None) is None:
            return
        if waited and self.complete > before:
            self.grown.emit()
        if self.complete < MAX_PANES and not self._timer.isActive():
            self._timer.start(0 if self.is_waited_for else _PAUSE_MS)

    def _all_steps(self) -> Iterator[bool]:
        """Parts of the work, none of which takes long."""
        for number in range(1, MAX_PANES):
            pane = self._make_pane(number)
            # styles and sizes are worked out once: better now than when the view is shown
            for widget in (pane, *pane.findChildren(QWidget)):
                widget.ensurePolished()
            self.panes.append(pane)
            yield True
