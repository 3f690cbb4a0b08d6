"""The window before a folder is open: the start page alone, and all panels once there is one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QAbstractButton, QDockWidget, QTabBar, QWidget
from shiboken6 import isValid

if TYPE_CHECKING:
    from segstudio.core.labels import Image
    from segstudio.session.session import Change
    from segstudio.storage.recent_folders import RecentFolder
    from segstudio.studio import Studio
    from segstudio.window.main_window import MainWindow
    from segstudio.window.start_page import StartPage

_TOUR = "help.tour"
"""The command that shows the tour, where there is one."""
_SHOWN_INSTEAD = "Network"
"""The panel that is opened where there is none."""

_REST_MS = 100
"""So long after the page was shown the rest of the window is made ready."""
_SLICE_S = 0.006


class Start(QObject):
    """Hides what needs a folder, shows the page, and brings all back as it was laid out.

    Attributes:
        active: Whether panels and tools are hidden, since no folder is open.
        page: The page while it is shown.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._studio: Studio | None = None
        self._asked: list[Callable[[], object]] = []
        """What the user chose before the window could do it."""
        self._is_lesson = False
        self._ahead: Iterator[QWidget] = iter(())
        self._rest = QTimer(self, singleShot=True)
        self._rest.timeout.connect(self._polish_ahead)
        self.active = False
        self.page: StartPage | None = None

    # -- the page ------------------------------------------------------------------------------

    def begin(self) -> None:
        """Hide what needs a folder."""
        window = self._window
        self.active = True
        for dock in window.findChildren(
            QDockWidget, options=Qt.FindChildOption.FindDirectChildrenOnly
        ):
            dock.hide()
        self._let_tabs_take_focus(False)
        window.bar.hide()
        window.central.show_work(shown=False)
        window.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # it lists the panels

    def _let_tabs_take_focus(self, on: bool) -> None:
        """Qt keeps the tab bars of docks that are hidden, and the Tab key would go there."""
        policy = Qt.FocusPolicy.TabFocus if on else Qt.FocusPolicy.NoFocus
        for tabs in self._window.findChildren(
            QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly
        ):
            tabs.setFocusPolicy(policy)

    def build(self, rows: Sequence[RecentFolder]) -> None:
        """Show the page, once there are menus; what is chosen is done when it can be."""
        from segstudio.window.start_page import StartPage

        if not self.active or self.page is not None:
            return
        commands = self._window.commands
        self.page = StartPage(has_tour=any(spec.id == _TOUR for spec in commands.rows))
        self.page.open_requested.connect(partial(self._do, self._choose))
        self.page.samples_requested.connect(partial(self._do, self._try_samples))
        self.page.lesson_requested.connect(partial(self._do, self._learn))
        self.page.folder_requested.connect(lambda path: self._do(partial(self._open, path)))
        self.page.forget_requested.connect(lambda path: self._do(partial(self._forget, path)))
        self.page.show_recent(rows)
        self._show_keys()
        commands.keymap_changed.connect(self._show_keys)
        self._window.central.show_page(self.page)
        self._window.status.show_start(shown=True)
        self.page.take_focus()

    def attach(self, studio: Studio) -> None:
        """Do what is chosen from now on, and what was chosen already."""
        self._studio = studio
        studio.session.changed.connect(self._on_change)
        if self.active:
            self._fill(studio)
        asked, self._asked = self._asked, []
        for verb in asked:
            verb()

    def _fill(self, studio: Studio) -> None:
        """Build the page if it is not there yet, and bring what takes time to read."""
        self.build(studio.recent_folders.rows())
        self._ahead = self._hidden_widgets()
        self._rest.start(_REST_MS)
        self._show_rows()
        assert self.page is not None
        px = self.page.picture_px
        studio.recent_folders.look(self.page.recent.folders, self._show_gone)
        studio.jobs.submit(
            "Reading the samples",
            "thumbnails",
            lambda _job: _sample_pictures(px),
            self._show_pictures,
            failed=lambda _error: None,  # a page without pictures does all the same
            visible=False,
        )

    def _hidden_widgets(self) -> Iterator[QWidget]:
        """What will be shown with the first folder."""
        window = self._window
        docks = window.docks.by_name.values()
        for region in (window.bar, *window.central.work, *docks):
            yield from (region, *region.findChildren(QWidget))

    def _polish_ahead(self) -> None:
        """Work out styles and sizes before they are needed, a little in each turn."""
        until = time.perf_counter() + _SLICE_S
        while time.perf_counter() < until:
            widget = next(self._ahead, None)
            if widget is None or not self.active:
                return
            if isValid(widget):  # else it was replaced since it was listed
                widget.ensurePolished()
                widget.sizeHint()
                if isinstance(widget, QAbstractButton):
                    # the icon is drawn once, and kept
                    widget.icon().pixmap(widget.iconSize(), widget.devicePixelRatio())
        self._rest.start(0)

    def show_drag(self, *, over: bool) -> None:
        """Something that can be dropped is over the window, or not any more."""
        if self.page is not None:
            self.page.show_drag(over=over)

    def _show_keys(self) -> None:
        if self.page is not None:
            self.page.show_keys(self._window.commands["file.open"].shortcut().toString())

    def _show_rows(self) -> None:
        if self.page is not None and self._studio is not None:
            self.page.show_recent(self._studio.recent_folders.rows())

    def _show_gone(self, folder: Path, reason: str) -> None:
        if self.page is not None:
            self.page.show_gone(folder, reason)

    def _show_pictures(self, pictures: Sequence[Image]) -> None:
        from segstudio.kit.pixmaps import as_qimage

        if self.page is not None:
            self.page.show_pictures(map(as_qimage, pictures))

    # -- what is chosen ------------------------------------------------------------------------

    def _do(self, verb: Callable[[], object]) -> None:
        if self._studio is None:
            self._asked.append(verb)
        else:
            verb()

    def _choose(self) -> None:
        self._window.verbs.open_folder()

    def _try_samples(self) -> None:
        self._is_lesson = False
        self._open_samples()

    def _learn(self) -> None:
        self._is_lesson = True
        self._open_samples()

    def _open_samples(self) -> None:
        assert self._studio is not None
        self._studio.browsing.open_samples()

    def _open(self, folder: Path) -> None:
        assert self._studio is not None
        self._is_lesson = False
        self._studio.browsing.open_path(folder)

    def _forget(self, folder: Path) -> None:
        assert self._studio is not None
        self._studio.recent_folders.forget(folder)
        self._show_rows()

    # -- a folder is open ----------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        from segstudio.session.session import What  # numpy: not before the first paint

        if not change.what & What.PROJECT or self._studio is None:
            return
        if self._studio.session.project is not None:
            self._end()
        elif not self.active:  # the folder that the program was started with can't be opened
            self.begin()
            self._fill(self._studio)
        else:
            self._is_lesson = False

    def _end(self) -> None:
        """Bring back all that was hidden, as it was laid out, in one repaint."""
        if not self.active:
            return
        window, page = self._window, self.page
        self.active, self.page = False, None
        window.setUpdatesEnabled(False)
        try:
            if page is not None:
                page.hide()
                page.deleteLater()
            window.central.show_work(shown=True)
            window.status.show_start(shown=False)
            if not window.layout_store.restore_docks(window):
                window.bar.show()
                window.docks.arrange()
            elif not window.docks.any_shown():
                window.docks.toggle_all()
            self._let_tabs_take_focus(True)
            window.setContextMenuPolicy(Qt.ContextMenuPolicy.DefaultContextMenu)
        finally:
            window.setUpdatesEnabled(True)
        window.canvas.setFocus()
        if self._is_lesson:
            self._is_lesson = False
            self._show_lesson()

    def _show_lesson(self) -> None:
        commands = self._window.commands
        if any(spec.id == _TOUR for spec in commands.rows):
            commands.run(_TOUR)
        else:
            self._window.docks.open(_SHOWN_INSTEAD)


def _sample_pictures(px: int) -> list[Image]:
    from segstudio.storage.sample_pictures import sample_pictures

    return sample_pictures(px)
