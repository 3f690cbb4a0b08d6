"""The canvas: the picture that is worked on, or a line that says how to begin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Qt, QUrl, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from segstudio.session.session import Change, What
from segstudio.ui.canvas.empty_page import EmptyPage
from segstudio.ui.canvas.layer_chip import LayerChip, legend
from segstudio.ui.canvas.over_photo import over_photo_on
from segstudio.ui.canvas.over_photo_chip import OverPhotoChip
from segstudio.ui.canvas.viewport import Viewport

if TYPE_CHECKING:
    from segstudio.app.studio import Studio

_LOOK = What.PREDICTIONS | What.SCHEMA
_MARKED = What.TRACE | What.INSPECTION
_CHIP_PX = 8


class Canvas(QWidget):
    """Shows the open image and lets the user work on it.

    Signals:
        hovered: (x, y) of the image pixel under the pointer.
        left: The pointer is on no image pixel any more.
        zoom_changed: Device pixels per image pixel.
        path_dropped: A folder or file (a Path) was dropped.
        open_requested: The user wants to choose a folder.
        samples_requested: The user wants the samples.
        pixel_clicked: (x, y): the hand clicked on a pixel while the network inspector is open.
        rectangle_drawn: It drew a `Rect` with Shift held, or None by a click.
        over_photo_closed: What the inspector lays over the photo shall go.
        over_photo_faded: How strongly it shall cover the photo, 0..1.
    """

    hovered = Signal(int, int)
    left = Signal()
    zoom_changed = Signal(float)
    path_dropped = Signal(object)
    open_requested = Signal()
    samples_requested = Signal()
    pixel_clicked = Signal(int, int)
    rectangle_drawn = Signal(object)
    over_photo_closed = Signal()
    over_photo_faded = Signal(float)

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = studio.session
        self.viewport = Viewport(
            studio.session, studio.editing, lambda: studio.settings.keep_view, self
        )
        self.viewport.jobs = studio.jobs
        self.empty = EmptyPage(self)
        self.chip = LayerChip(self.viewport)
        self.chip.move(_CHIP_PX, _CHIP_PX)
        self.over_chip = OverPhotoChip(self.viewport)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.viewport)
        self.setFocusProxy(self.viewport)
        self.setAcceptDrops(True)
        self.viewport.hovered.connect(self.hovered)
        self.viewport.left.connect(self.left)
        self.viewport.zoom_changed.connect(self.zoom_changed)
        self.viewport.pixel_clicked.connect(self.pixel_clicked)
        self.viewport.rectangle_drawn.connect(self.rectangle_drawn)
        self.over_chip.closed.connect(self.over_photo_closed)
        self.over_chip.faded.connect(self.over_photo_faded)
        self.empty.open_requested.connect(self.open_requested)
        self.empty.samples_requested.connect(self.samples_requested)
        self._session.changed.connect(self._on_change)
        self._show_document()

    @property
    def zoom(self) -> float:
        """Device pixels per image pixel; 1 is 100 %."""
        return self.viewport.zoom

    def fit(self) -> None:
        """Show the whole image."""
        self.viewport.fit()

    def actual_size(self) -> None:
        """100 %."""
        self.viewport.actual_size()

    def zoom_in(self) -> None:
        """The next larger usual zoom."""
        self.viewport.zoom_in()

    def zoom_out(self) -> None:
        """The next smaller usual zoom."""
        self.viewport.zoom_out()

    def abort(self) -> bool:
        """Undo the stroke or polygon that is begun; returns whether there was one."""
        return self.viewport.abort()

    def show_point(self, pixel: tuple[int, int] | None) -> None:
        """Mark the image pixel (x, y) that is pointed at in the inspector, or none."""
        self.viewport.show_point(pixel)

    def set_peek_key(self, key: Qt.Key) -> None:
        """The key that hides the overlay while it is held."""
        self.viewport.set_peek_key(key)

    def _on_change(self, change: Change) -> None:
        if change.what & (What.DOCUMENT | What.PROJECT):
            self._show_document()
        elif change.what & (_LOOK | What.OVER_PHOTO):
            self.viewport.refresh_overlay()
        elif change.what & What.LABELS:
            self.viewport.refresh_labels(change.patches)
        if change.what & What.VIEW:
            self.viewport.refresh_view_state()
        if change.what & _MARKED:
            self.viewport.refresh_marks()
        if change.what & (What.DOCUMENT | What.VIEW | _LOOK | What.LABELS | What.OVER_PHOTO):
            self._show_legend()

    def _show_document(self) -> None:
        session = self._session
        self.viewport.show_document()
        if self.viewport.document is None:
            if session.loading:
                self.empty.show_reading(session.loading)
            else:
                project = session.project
                self.empty.show_no_images(folder_open=project is not None and not project.images)
            self._pages.setCurrentWidget(self.empty)
        else:
            self._pages.setCurrentWidget(self.viewport)
        self._show_legend()

    def _show_legend(self) -> None:
        document = self.viewport.document
        self.chip.setVisible(document is not None)
        over = None
        if document is not None:
            over = over_photo_on(document, self._session.inspection)
            self.chip.show_legend(legend(document, self._session.view, over))
        self.over_chip.show_over(over)

    # -- dropping files ------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files and folders are welcome."""
        if _dropped_path(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell what was dropped."""
        path = _dropped_path(event.mimeData())
        if path is not None:
            event.acceptProposedAction()
            self.path_dropped.emit(path)


def _dropped_path(data: QMimeData) -> Path | None:
    """The first local file or folder of what is dragged."""
    local = (QUrl.toLocalFile(url) for url in data.urls() if url.isLocalFile())
    return next((Path(name) for name in local if name), None)
