"""The main window: its frame is there at once, its contents come with `attach`."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QMargins, QRect, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from segstudio.kit.frame_names import BAR_HEIGHT, FILE, HEADER_HEIGHT, MENUS, TOOLS_WIDTH
from segstudio.window.docks import Docks

if TYPE_CHECKING:
    from segstudio.annotation.ui.classes_panel import ClassesPanel
    from segstudio.comparison.ui.disagreement_panel import DisagreementPanel
    from segstudio.evaluation.ui.metrics_panel import MetricsPanel
    from segstudio.folder.ui.images_panel import ImagesPanel
    from segstudio.kit.action_set import ActionSet
    from segstudio.kit.notice_strip import NoticeStrip
    from segstudio.kit.theme import Theme
    from segstudio.runs.ui.model_panel import ModelPanel
    from segstudio.studio import Studio
    from segstudio.window.status_bar import StatusBar


_FRAMED_MS = (0, 100, 500)
"""When the window looks whether it fits into the screen: a window manager takes its time."""


class MainWindow(QMainWindow):
    """Builds the frame; `attach` builds the panels and makes all connections.

    Signals:
        first_painted: The frame is on the screen; nothing but Qt was imported for it.
    """

    first_painted = Signal()

    images: ImagesPanel
    classes: ClassesPanel
    model: ModelPanel
    metrics: MetricsPanel
    disagreement: DisagreementPanel

    def __init__(self, layout_file: Path, theme: Theme, *, fits_screen: bool = True) -> None:
        """Take where the layout is kept, and the theme; a picture needs not fit into the screen."""
        super().__init__()
        self.setWindowTitle("segstudio")
        self.setMinimumSize(1024, 640)
        self.resize(1280, 800)
        self.setAcceptDrops(True)
        self.setDockOptions(
            QMainWindow.DockOption.AllowTabbedDocks
            | QMainWindow.DockOption.AllowNestedDocks
            | QMainWindow.DockOption.AnimatedDocks
        )
        self.theme = theme
        self.menus = {title: self.menuBar().addMenu(f"&{title}") for title in MENUS}
        self.bar = self.addToolBar("Main tool bar")
        self.bar.setObjectName("bar.main")
        self.bar.setAccessibleName("Main tool bar")
        self.bar.setMovable(False)
        self.bar.setFixedHeight(BAR_HEIGHT)
        self.central = CentralArea()
        self.setCentralWidget(self.central)
        self.statusBar().setSizeGripEnabled(False)
        self.docks: Docks = Docks(self)
        self.layout_store = LayoutStore(layout_file, self.docks)
        is_first = not self.layout_store.restore(self)
        if not is_first and not self.docks.any_shown():
            self.docks.toggle_all()  # who closed the program with all hidden would look in vain
        if fits_screen:
            keep_on_screen(self)
        if is_first:
            self.docks.share_width()  # of what the frame leaves
        delays = _FRAMED_MS if fits_screen else ()
        self._framed = [QTimer(self, singleShot=True, interval=ms) for ms in delays]
        for timer in self._framed:
            timer.timeout.connect(lambda: keep_on_screen(self))
        self._painted = False
        self._studio: Studio | None = None

    @staticmethod
    def load() -> None:
        """Import what `build_bars` makes, on any thread: psygnal alone takes longer than a frame."""
        import segstudio.kit.notice_strip
        import segstudio.kit.text_focus
        import segstudio.runs.ui.model_chooser
        import segstudio.window.bars
        import segstudio.window.crash
        import segstudio.window.status_bar
        import segstudio.window.view_controls  # noqa: F401

    def build_bars(self) -> None:
        """Fill the frame with all that needs no studio: actions, menus, bars, notices."""
        from segstudio.annotation.ui.tools.tool_table import TOOLS
        from segstudio.kit.action_set import ActionSet
        from segstudio.kit.notice_strip import NoticeStrip
        from segstudio.kit.physical_keys import PhysicalKeys
        from segstudio.kit.text_focus import TextFocusGuard
        from segstudio.runs.ui.model_chooser import ModelChooser
        from segstudio.window import bars
        from segstudio.window.action_table import all_actions
        from segstudio.window.status_bar import StatusBar
        from segstudio.window.view_controls import ViewControls

        self.commands: ActionSet = ActionSet(self, all_actions())
        self.recent_menu = bars.fill_menus(self, self.menus, self.commands)
        bars.fill_main_bar(self.bar, self.commands)
        self.model_chooser = ModelChooser()
        self.view_controls = ViewControls()
        self.bar.insertWidget(self.commands["model.run"], self.model_chooser)
        self.bar.addWidget(self.view_controls)
        bars.add_layouts(self.bar, self.commands)
        self.central.set_tools(bars.build_tool_column(self.commands, TOOLS))
        self.status: StatusBar = StatusBar()
        self.setStatusBar(self.status)
        self.notices: NoticeStrip = NoticeStrip()
        self.central.add_bar(self.notices)
        self.text_focus = TextFocusGuard(self, PhysicalKeys(self, self.commands.action_of))

    def attach(self, studio: Studio) -> None:
        """Build what needs the studio, and connect everything."""
        from segstudio.annotation.ui.correction_bar import CorrectionBar
        from segstudio.annotation.ui.tools.tool_table import TOOLS
        from segstudio.canvas.canvas import Canvas
        from segstudio.evaluation.ui.queue_link import QueueLink
        from segstudio.folder.ui.stack_bar import StackBar
        from segstudio.kit.actions import Context, Scope
        from segstudio.window.canvas_header import CanvasHeader
        from segstudio.window.evaluation_link import EvaluationLink
        from segstudio.window.network_link import NetworkLink
        from segstudio.window.signal_view import SignalView
        from segstudio.window.window_commands import WindowCommands

        self._studio = studio
        session = studio.session
        self.canvas = Canvas(
            session,
            studio.editing,
            studio.comparing,
            studio.jobs,
            lambda: studio.settings.keep_view,
            TOOLS,
        )
        self.header = CanvasHeader(session, studio.scoring, studio.segmenting, self.commands, TOOLS)
        self.central.fill(self.header, self.canvas)
        self.stack = StackBar(session, studio.browsing, self.commands)
        self.central.add_foot(self.stack)
        self.verbs = WindowCommands(self, studio)
        self.docks.build(studio)
        self.signal_view = SignalView(self, studio)
        self.network = NetworkLink(self, studio)
        self.evaluation: EvaluationLink = EvaluationLink(self, studio)
        self.queue_link = QueueLink(session, self.canvas)
        self.commands.place(
            {Scope.WINDOW: self, Scope.CANVAS: self.canvas, Scope.LIST: self.images}
        )

        # All connections of the window.
        session.changed.connect(self.signal_view.on_change)
        studio.jobs.changed.connect(self.signal_view.on_jobs)
        self.notices.attach(studio.notices)
        self.corrections = CorrectionBar(session, studio.place)
        self.central.add_bar(self.corrections)
        self.model_chooser.attach(session, studio.segmenting)
        self.view_controls.attach(session)
        self.commands.failed.connect(self.signal_view.on_failed)
        self.text_focus.number_typed.connect(self.canvas.setFocus)
        self.canvas.hovered.connect(self.signal_view.on_hover)
        self.canvas.left.connect(self.signal_view.on_left)
        self.canvas.hovered.connect(self.network.on_hover)
        self.canvas.left.connect(self.network.on_left)
        self.canvas.pixel_clicked.connect(lambda x, y: studio.inspecting.pin((x, y)))
        self.canvas.rectangle_drawn.connect(studio.inspecting.choose_rectangle)
        self.canvas.over_photo_closed.connect(studio.photo_overlay.clear)
        self.canvas.over_photo_faded.connect(studio.photo_overlay.blend)
        self.canvas.zoom_changed.connect(self.signal_view.on_zoom)
        self.canvas.path_dropped.connect(studio.browsing.open_path)
        self.canvas.open_requested.connect(self.verbs.open_folder)
        self.canvas.samples_requested.connect(studio.browsing.open_samples)
        self.canvas.take_requested.connect(studio.disagreement.take_at)
        self.menus[FILE].aboutToShow.connect(self.verbs.fill_recent)
        for menu in self.menus.values():
            menu.aboutToShow.connect(self.commands.refresh)
        self.docks.changed.connect(self.signal_view.refresh_soon)
        self.docks.changed.connect(self.network.follow)
        self.docks.views_wanted.connect(self.canvas.setFocus)

        self.commands.attach(Context(studio, self.canvas, self, self.verbs))
        self.verbs.apply_settings()
        self.network.follow()
        self.docks.build_opened(studio)
        self.canvas.setFocus()

    def showEvent(self, event: QShowEvent) -> None:
        """How thick its frame is, is known a moment later."""
        super().showEvent(event)
        for timer in self._framed:
            timer.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.docks.fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            self.first_painted.emit()

    def end(self) -> None:
        """Close without asking anything: the system ends the program."""
        if self._studio is not None:
            self.verbs.end()
        else:
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Save or ask before the window goes."""
        if self._studio is not None and not self.verbs.may_close():
            event.ignore()
            return
        self.layout_store.save(self)
        event.accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._studio is not None and any(u.isLocalFile() for u in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(u.toLocalFile()) for u in event.mimeData().urls() if u.isLocalFile()]
        if paths and self._studio is not None:
            event.acceptProposedAction()
            self._studio.browsing.open_path(paths[0])


_VERSION = 4
"""Raised when docks or bars get other names, so that an old state is not applied."""
_ROOM = "Room"
"""Name under which is kept where the room stands."""


_USUAL_FRAME = QMargins(1, 30, 1, 1)
"""What a window manager puts around a window; how much it really is, is known once it is shown."""


def fitted(client: QRect, frame: QMargins, available: QRect) -> QRect:
    """Where a window has to be so that it can be seen whole with its frame.

    Args:
        client: The window without its frame.
        frame: What the window manager puts around it.
        available: The part of the screen that no task bar covers.

    Returns:
        The window without its frame; the same if it fits.
    """
    outer = client.marginsAdded(frame)
    outer.setSize(outer.size().boundedTo(available.size()))
    outer.moveLeft(max(available.left(), min(outer.left(), available.right() + 1 - outer.width())))
    outer.moveTop(max(available.top(), min(outer.top(), available.bottom() + 1 - outer.height())))
    return outer.marginsRemoved(frame)


def keep_on_screen(window: QMainWindow) -> None:
    """Make a window smaller or move it, if it does not fit into its screen with its frame."""
    if window.isMaximized() or window.isFullScreen():
        return
    client, outer = window.geometry(), window.frameGeometry()
    frame = QMargins(
        client.left() - outer.left(),
        client.top() - outer.top(),
        outer.right() - client.right(),
        outer.bottom() - client.bottom(),
    )
    if not window.isVisible() and frame.isNull():
        frame = _USUAL_FRAME
    available = window.screen().availableGeometry()
    least = window.minimumSize().boundedTo(available.marginsRemoved(frame).size())
    window.setMinimumSize(least)
    wanted = fitted(client, frame, available)
    if wanted.size() != client.size():
        window.resize(wanted.size())
    if window.isVisible() and wanted.topLeft() != client.topLeft():
        window.move(wanted.marginsAdded(frame).topLeft())


class LayoutStore:
    """A small file with the window's geometry and the places of its docks."""

    def __init__(self, path: Path, docks: Docks | None = None) -> None:
        """Take the file, and the docks if what Qt remembers of them is not all."""
        self._path, self._docks = path, docks

    def restore(self, window: QMainWindow) -> bool:
        """Put the window as it was; False if nothing (usable) was stored.

        Qt ends the program over some damaged states, so what is not whole is not given to it.
        """
        if not self._path.is_file():
            return False
        store = self._open()
        geometry, state = store.value("geometry"), store.value("state")
        if not (isinstance(geometry, QByteArray) and isinstance(state, QByteArray)):
            return False
        if store.value("check") != _check(geometry, state):
            return False
        if not (window.restoreGeometry(geometry) and window.restoreState(state, _VERSION)):
            return False
        if self._docks is not None:
            self._docks.place.restore(self.kept(_ROOM))
        return True

    def save(self, window: QMainWindow) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        store = self._open()
        if self._docks is not None:
            self._docks.place.finish()
        geometry, state = window.saveGeometry(), window.saveState(_VERSION)
        store.setValue("geometry", geometry)
        store.setValue("state", state)
        store.setValue("check", _check(geometry, state))
        store.sync()
        if self._docks is not None:
            self.keep(_ROOM, self._docks.place.to_text())

    def keep(self, name: str, text: str) -> None:
        """Remember how a panel is arranged."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._open().setValue(f"panels/{name}", text)

    def kept(self, name: str) -> str:
        """How a panel was arranged, as `keep` was told; "" if it was not."""
        if not self._path.is_file():
            return ""
        text = self._open().value(f"panels/{name}")
        return text if isinstance(text, str) else ""

    def _open(self) -> QSettings:
        return QSettings(str(self._path), QSettings.Format.IniFormat)


def _check(*parts: QByteArray) -> str:
    """Tells whether a file still holds what was written."""
    return f"crc {zlib.crc32(b''.join(bytes(part.data()) for part in parts)):08x}"


class CentralArea(QWidget):
    """Shows an empty ground until `fill` brings the tools, the header and the canvas."""

    def __init__(self) -> None:
        super().__init__()
        self._tools, self._header, self._canvas = QWidget(), QWidget(), QWidget()
        self._tools.setFixedWidth(TOOLS_WIDTH)
        self._header.setFixedHeight(HEADER_HEIGHT)
        self._canvas.setBackgroundRole(QPalette.ColorRole.Base)
        self._canvas.setAutoFillBackground(True)
        self._column = QVBoxLayout()
        self._column.setSpacing(0)
        self._column.addWidget(self._header)
        self._column.addWidget(self._canvas, 1)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._row.addWidget(self._tools, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addLayout(self._column, 1)
        self.setMinimumWidth(320)

    def set_tools(self, tools: QWidget) -> None:
        """Put the column of tools where room was left for it."""
        tools.setFixedWidth(TOOLS_WIDTH)
        self._row.replaceWidget(self._tools, tools)
        self._tools.deleteLater()
        self._tools = tools

    def add_bar(self, bar: QWidget) -> None:
        """Put a bar between the header and the canvas; it takes no room while it is hidden."""
        self._column.insertWidget(self._column.indexOf(self._canvas), bar)

    def add_foot(self, bar: QWidget) -> None:
        """Put a bar below the canvas; it takes no room while it is hidden."""
        self._column.addWidget(bar)

    def fill(self, header: QWidget, canvas: QWidget) -> None:
        """Put the real header and canvas where the empty ground was."""
        header.setFixedHeight(HEADER_HEIGHT)
        for old, new in ((self._header, header), (self._canvas, canvas)):
            self._column.replaceWidget(old, new)
            old.deleteLater()
        self._header, self._canvas = header, canvas
        self._column.setStretchFactor(canvas, 1)
