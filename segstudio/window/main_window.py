"""The main window: its frame is there at once, its contents come with `attach`."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QMargins, QRect, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeyEvent,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from segstudio.kit.frame_names import (
    BAR_HEIGHT,
    FILE,
    MENU_HEIGHT,
    MENUS,
    OPTIONS_HEIGHT,
    STATUS_HEIGHT,
    TOOLS_WIDTH,
)
from segstudio.window.start import Start

if TYPE_CHECKING:
    from segstudio.annotation.ui.classes_panel import ClassesPanel
    from segstudio.annotation.ui.objects_panel import ObjectsPanel
    from segstudio.comparison.ui.disagreement_panel import DisagreementPanel
    from segstudio.folder.ui.images_panel import ImagesPanel
    from segstudio.kit.action_set import ActionSet
    from segstudio.kit.notice_strip import NoticeStrip
    from segstudio.kit.theme import Theme
    from segstudio.runs.ui.model_panel import ModelPanel
    from segstudio.studio import Studio
    from segstudio.training.ui.training_panel import TrainingPanel
    from segstudio.window.docks import Docks
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
    object_list: ObjectsPanel
    model: ModelPanel
    disagreement: DisagreementPanel
    training: TrainingPanel

    def __init__(
        self, layout_file: Path, theme: Theme, *, fits_screen: bool = True, opens: bool = False
    ) -> None:
        """Args:
        layout_file: Where the layout is kept.
        theme: Gives font and colours.
        fits_screen: Whether it has to fit into the screen; a picture of it needs not.
        opens: Whether a folder is opened at once; else it begins with the start page.
        """
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
        self.menuBar().setFixedHeight(MENU_HEIGHT)
        self.bar = self.addToolBar("Main tool bar")
        self.bar.setObjectName("bar.main")
        self.bar.setAccessibleName("Main tool bar")
        self.bar.setMovable(False)
        self.bar.setFixedHeight(BAR_HEIGHT)
        self.central = CentralArea()
        self.setCentralWidget(self.central)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().setFixedHeight(STATUS_HEIGHT)
        self.layout_store = LayoutStore(layout_file)
        self.start = Start(self)
        self._has_docks = False
        is_first = False
        if not opens:
            self.layout_store.restore_geometry(self)
            self.start.begin()
        else:
            for step in self.dock_steps():
                step()
            is_first = not self.layout_store.restore(self)
        if opens and not is_first and not self.docks.any_shown():
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
        import segstudio.window.docks
        import segstudio.window.start_page
        import segstudio.window.status_bar
        import segstudio.window.view_controls  # noqa: F401

    def build_bars(self) -> None:
        """Fill the frame with all that needs no studio: docks, actions, menus, bars, notices."""
        for step in (*self.bar_steps(), *self.dock_steps()):
            step()

    def bar_steps(self) -> tuple[Callable[[], None], ...]:
        """The parts of `build_bars` in their order, for a turn of the event loop each."""
        return (
            self._build_menus,
            self._build_choices,
            self._build_bar,
            self._build_tools,
            self._build_status,
            self._build_notices,
        )

    def dock_steps(self) -> tuple[Callable[[], None], ...]:
        """What makes the docks, unless they are there: behind the start page they can wait."""
        if self._has_docks:
            return ()
        return (
            self._begin_docks,
            lambda: self.docks.make_room(),
            lambda: self.docks.make_columns(),
            self._put_up_docks,
        )

    def _begin_docks(self) -> None:
        from segstudio.window.docks import Docks

        self.docks: Docks = Docks(self)

    def _put_up_docks(self) -> None:
        self.docks.put_up(shown=not self.start.active)
        self.layout_store.follow(self.docks)
        self._has_docks = True
        if self.start.active:
            self.start.begin()  # hides what came with them

    def _build_menus(self) -> None:
        from segstudio.kit.action_set import ActionSet
        from segstudio.window import bars
        from segstudio.window.action_table import all_actions

        self.commands: ActionSet = ActionSet(self, all_actions())
        self.recent_menu = bars.fill_menus(self, self.menus, self.commands)

    def _build_choices(self) -> None:
        from segstudio.runs.ui.model_chooser import ModelChooser
        from segstudio.window.view_controls import ViewControls

        self.model_chooser = ModelChooser()
        self.view_controls = ViewControls(self.commands)

    def _build_bar(self) -> None:
        from segstudio.window import bars

        bars.MainBar(self.bar, self.commands, self.model_chooser, self.view_controls)

    def _build_tools(self) -> None:
        from segstudio.annotation.ui.tools.tool_table import TOOLS
        from segstudio.window import bars

        self.tools = bars.ToolStrip(self.commands, TOOLS)
        self.central.set_tools(self.tools)

    def _build_status(self) -> None:
        from segstudio.window.status_bar import StatusBar

        self.status: StatusBar = StatusBar(self.commands)
        self.setStatusBar(self.status)
        if self.start.active:
            self.status.show_start(shown=True)

    def _build_notices(self) -> None:
        from segstudio.kit.key_tips import KeyTip
        from segstudio.kit.notice_strip import NoticeStrip
        from segstudio.kit.physical_keys import PhysicalKeys
        from segstudio.kit.text_focus import TextFocusGuard

        self.notices: NoticeStrip = NoticeStrip()
        KeyTip(
            self.commands, self.notices.closer, "Close this message", "{help.dismiss} closes all"
        )
        self.central.add_bar(self.notices)
        self.text_focus = TextFocusGuard(self, PhysicalKeys(self, self.commands.action_of))

    def open_contrast(self) -> None:
        """Show the sliders for brightness and contrast."""
        self.view_controls.contrast.open_popover()

    def attach(self, studio: Studio) -> None:
        """Build what needs the studio, and connect everything."""
        for step in self.attach_steps():
            step(studio)

    def attach_steps(self) -> tuple[Callable[[Studio], None], ...]:
        """The parts of `attach` in their order, for a turn of the event loop each."""
        from segstudio.window.panels import PANELS

        at_start = [spec for spec in PANELS if not spec.on_demand]
        return (
            self._build_views,
            self._build_verbs,
            *(lambda studio, spec=spec: self.docks.build(spec, studio) for spec in at_start),
            self._connect,
        )

    def _build_views(self, studio: Studio) -> None:
        from segstudio.annotation.ui.tools.tool_table import TOOLS
        from segstudio.canvas.canvas import Canvas
        from segstudio.canvas.legend_bar import LegendBar
        from segstudio.folder.ui.stack_bar import StackBar
        from segstudio.kit.row_menu import keep_files
        from segstudio.window.options_bar import OptionsBar

        keep_files(self, studio.picture_files)
        session = studio.session
        self.canvas = Canvas(
            session,
            studio.editing,
            studio.comparing,
            studio.jobs,
            lambda: studio.settings.keep_view,
            TOOLS,
            key_of=self.commands.key,
            prompting=studio.prompting,
            objects=studio.objects,
            clipboard=studio.clipboard,
            taking=studio.taking,
            object_table=studio.object_table,
        )
        self.options: OptionsBar = OptionsBar(session, self.commands, TOOLS)
        self.options.add_right(LegendBar(session, self.canvas.names))
        self.central.fill(self.options, self.canvas)
        self.stack = StackBar(session, studio.browsing, self.commands)
        self.central.add_foot(self.stack)

    def _build_verbs(self, studio: Studio) -> None:
        from segstudio.window.window_commands import WindowCommands

        self.verbs = WindowCommands(self, studio)
        self.docks.furnish()

    def _connect(self, studio: Studio) -> None:
        """Make all connections; nothing can be done in the window before."""
        from segstudio.annotation.ui.correction_bar import CorrectionBar
        from segstudio.evaluation.ui.queue_link import QueueLink
        from segstudio.kit.actions import Context, Scope
        from segstudio.runs.ui.run_actions import WEIGHTS_ACTIONS
        from segstudio.window.evaluation_link import EvaluationLink
        from segstudio.window.network_link import NetworkLink
        from segstudio.window.pixel_menu import PixelMenu
        from segstudio.window.signal_view import SignalView

        self._studio = studio
        session = studio.session
        self.signal_view = SignalView(self, studio)
        PixelMenu(self, studio)
        self.network: NetworkLink = NetworkLink(self, studio)
        self.evaluation: EvaluationLink = EvaluationLink(self, studio)
        self.queue_link = QueueLink(session, self.canvas)
        self.commands.place(
            {Scope.WINDOW: self, Scope.CANVAS: self.canvas, Scope.LIST: self.images}
        )
        session.changed.connect(self.signal_view.on_change)
        studio.jobs.changed.connect(self.signal_view.on_jobs)
        self.notices.attach(studio.notices)
        self.corrections = CorrectionBar(session, studio.place)
        self.central.add_bar(self.corrections)
        self.model_chooser.attach(session, studio.segmenting)
        self.model_chooser.offer([self.commands[action.id] for action in WEIGHTS_ACTIONS])
        self.view_controls.attach(session)
        self.status.limits.attach(session)
        self.tools.attach(session)
        self.commands.failed.connect(self.signal_view.on_failed)
        self.text_focus.number_typed.connect(self.canvas.setFocus)
        self.canvas.hovered.connect(self.signal_view.on_hover)
        self.canvas.left.connect(self.signal_view.on_left)
        self.canvas.tool_said.connect(self.status.show_tool)
        self.canvas.hovered.connect(self.network.on_hover)
        self.canvas.left.connect(self.network.on_left)
        self.canvas.pixel_clicked.connect(lambda x, y: studio.inspecting.pin((x, y)))
        self.canvas.rectangle_drawn.connect(studio.inspecting.choose_rectangle)
        self.canvas.over_photo_closed.connect(studio.photo_overlay.clear)
        self.canvas.over_photo_faded.connect(studio.photo_overlay.blend)
        self.canvas.zoom_changed.connect(self.signal_view.on_zoom)
        self.canvas.placed.connect(studio.last_place.look_at)
        self.canvas.path_dropped.connect(self._open_dropped)
        self.canvas.open_requested.connect(self.verbs.open_folder)
        self.canvas.samples_requested.connect(studio.browsing.open_samples)
        self.canvas.take_requested.connect(studio.disagreement.take_at)
        self.menus[FILE].aboutToShow.connect(self.verbs.fill_recent)
        for menu in self.menus.values():
            menu.aboutToShow.connect(self.commands.refresh)
        self.docks.changed.connect(lambda: self.docks.build_opened(studio))
        self.docks.changed.connect(self.signal_view.refresh_soon)
        self.docks.changed.connect(self.network.follow)
        self.docks.views_wanted.connect(self.verbs.go_to_views)

        self.docks.folds.changed.connect(self.signal_view.refresh_soon)

        self.commands.attach(Context(studio, self.canvas, self, self.verbs))
        self.verbs.apply_settings()
        self.network.follow()
        self.docks.build_opened(studio)
        studio.training.read()  # one that was left to itself is in the status bar again
        self.start.attach(studio)
        if not self.start.active:
            self.canvas.setFocus()

    def showEvent(self, event: QShowEvent) -> None:
        """How thick its frame is, is known a moment later."""
        super().showEvent(event)
        for timer in self._framed:
            timer.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._has_docks and event.size().width() != event.oldSize().width():
            self.docks.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc that nothing had a use for leads back to the views."""
        if event.key() == Qt.Key.Key_Escape and self._studio is not None:
            self.verbs.go_to_views()
        else:
            super().keyPressEvent(event)

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
        self.layout_store.save(self, docks=not self.start.active)
        event.accept()

    def changeEvent(self, event: QEvent) -> None:
        """Somebody who comes back from another program may have trained weights further there."""
        super().changeEvent(event)
        came_back = event.type() == QEvent.Type.ActivationChange and self.isActiveWindow()
        if came_back and self._studio is not None:
            self._studio.own_weights.look_again()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._studio is not None and any(u.isLocalFile() for u in event.mimeData().urls()):
            event.acceptProposedAction()
            self.start.show_drag(over=True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.start.show_drag(over=False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.start.show_drag(over=False)
        paths = [Path(u.toLocalFile()) for u in event.mimeData().urls() if u.isLocalFile()]
        if paths and self._studio is not None:
            event.acceptProposedAction()
            self._open_dropped(paths[0])

    def _open_dropped(self, path: Path) -> None:
        from segstudio.kit.file_dialogs import WEIGHTS_ENDINGS  # NumPy comes with it

        if self._studio is None:
            return
        if path.suffix.casefold() in WEIGHTS_ENDINGS and not path.is_dir():
            self._studio.own_weights.open(path)
        else:
            self._studio.browsing.open_path(path)


_VERSION = 4
"""Raised when docks or bars get other names, so that an old state is not applied."""
_WRITTEN_MS = 500
"""So long after the last word on a panel the file is written."""
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

    def __init__(self, path: Path) -> None:
        self._path = path
        self._docks: Docks | None = None
        self._waiting: dict[str, str] = {}
        self._writing = QTimer(singleShot=True, interval=_WRITTEN_MS)
        self._writing.timeout.connect(self._write)

    def follow(self, docks: Docks) -> None:
        """Keep of these docks what Qt does not."""
        self._docks = docks

    def restore(self, window: QMainWindow) -> bool:
        """Put the window as it was; False if nothing (usable) was stored."""
        return self.restore_geometry(window) and self.restore_docks(window)

    def restore_geometry(self, window: QMainWindow) -> bool:
        """Put the window where it was; False if nothing (usable) was stored."""
        geometry, _state = self._stored()
        return not geometry.isEmpty() and window.restoreGeometry(geometry)

    def restore_docks(self, window: QMainWindow) -> bool:
        """Lay the window out as it was; False if nothing (usable) was stored."""
        _geometry, state = self._stored()
        if state.isEmpty() or not window.restoreState(state, _VERSION):
            return False
        if self._docks is not None:
            self._docks.place.restore(self.kept(_ROOM))
        return True

    def _stored(self) -> tuple[QByteArray, QByteArray]:
        """Geometry and places of the docks; empty if there are none.

        Qt ends the program over some damaged states, so what is not whole is not given to it.
        """
        nothing = QByteArray(), QByteArray()
        if not self._path.is_file():
            return nothing
        store = self._open()
        geometry, state = store.value("geometry"), store.value("state")
        if not (isinstance(geometry, QByteArray) and isinstance(state, QByteArray)):
            return nothing
        return (geometry, state) if store.value("check") == _check(geometry, state) else nothing

    def save(self, window: QMainWindow, *, docks: bool = True) -> None:
        """Keep how the window is; its docks as they were kept before if they are not shown."""
        if docks and self._docks is not None:
            self._docks.place.finish()
        state = window.saveState(_VERSION) if docks else self._stored()[1]
        store = self._open_to_write()
        geometry = window.saveGeometry()
        store.setValue("geometry", geometry)
        store.setValue("state", state)
        store.setValue("check", _check(geometry, state))
        store.sync()
        if docks and self._docks is not None:
            self.keep(_ROOM, self._docks.place.to_text())
        self._write()

    def keep(self, name: str, text: str) -> None:
        """Remember how a panel is arranged; written once for all that is told within a moment."""
        self._waiting[name] = text
        self._writing.start()

    def _write(self) -> None:
        self._writing.stop()
        if not self._waiting:
            return
        store = self._open_to_write()
        for name, text in self._waiting.items():
            store.setValue(f"panels/{name}", text)
        self._waiting = {}

    def kept(self, name: str) -> str:
        """How a panel was arranged, as `keep` was told; "" if it was not."""
        if name in self._waiting:
            return self._waiting[name]
        if not self._path.is_file():
            return ""
        text = self._open().value(f"panels/{name}")
        return text if isinstance(text, str) else ""

    def _open_to_write(self) -> QSettings:
        """The file, and its folder if that can be made; else nothing is kept, as on a full disk."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._open()

    def _open(self) -> QSettings:
        return QSettings(str(self._path), QSettings.Format.IniFormat)


def _check(*parts: QByteArray) -> str:
    """Tells whether a file still holds what was written."""
    return f"crc {zlib.crc32(b''.join(bytes(part.data()) for part in parts)):08x}"


class CentralArea(QWidget):
    """Shows an empty ground until `fill` brings the tools, the options and the canvas."""

    def __init__(self) -> None:
        super().__init__()
        self._tools, self._options, self._canvas = QWidget(), QWidget(), QWidget()
        self._tools.setFixedWidth(TOOLS_WIDTH)
        self._options.setFixedHeight(OPTIONS_HEIGHT)
        self._canvas.setBackgroundRole(QPalette.ColorRole.Base)
        self._canvas.setAutoFillBackground(True)
        self._views = QVBoxLayout()
        self._views.setSpacing(0)
        self._views.addWidget(self._canvas, 1)
        self._row = QHBoxLayout()
        self._row.setSpacing(0)
        self._row.addWidget(self._tools)
        self._row.addLayout(self._views, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self._options)
        self._column.addLayout(self._row, 1)
        self._shows_work = True
        self.setMinimumWidth(320)

    @property
    def work(self) -> tuple[QWidget, QWidget, QWidget]:
        """Tools, options and canvas, or the ground where they will be."""
        return self._tools, self._options, self._canvas

    def show_work(self, *, shown: bool) -> None:
        """Show tools, options and canvas; or none of them while there is no folder."""
        self._shows_work = shown
        for part in self.work:
            part.setVisible(shown)

    def show_page(self, page: QWidget) -> None:
        """Put a page where the canvas is otherwise."""
        self._views.insertWidget(self._views.indexOf(self._canvas), page, 1)
        page.show()

    def set_tools(self, tools: QWidget) -> None:
        """Put the strip of tools where room was left for it."""
        tools.setFixedWidth(TOOLS_WIDTH)
        self._row.replaceWidget(self._tools, tools)
        self._tools.deleteLater()
        self._tools = tools
        tools.setVisible(self._shows_work)

    def add_bar(self, bar: QWidget) -> None:
        """Put a bar below the options; it takes no room while it is hidden."""
        self._column.insertWidget(self._column.count() - 1, bar)

    def add_foot(self, bar: QWidget) -> None:
        """Put a bar below the canvas; it takes no room while it is hidden."""
        self._views.addWidget(bar)

    def fill(self, options: QWidget, canvas: QWidget) -> None:
        """Put the real options and canvas where the empty ground was."""
        options.setFixedHeight(OPTIONS_HEIGHT)
        self._column.replaceWidget(self._options, options)
        self._tools.setParent(None)
        self._row.insertWidget(0, self._tools)  # the Tab key goes there from the options
        self._views.replaceWidget(self._canvas, canvas)
        for old in (self._options, self._canvas):
            old.deleteLater()
        self._options, self._canvas = options, canvas
        self.show_work(shown=self._shows_work)
        self._views.setStretchFactor(canvas, 1)
