"""Starts the window: first the frame, then what fills it."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from segstudio.kit.dispatch import Dispatcher
from segstudio.kit.garbage import GuiGarbage
from segstudio.kit.theme import Theme
from segstudio.storage.folders import user_folders
from segstudio.window.main_window import MainWindow
from segstudio.window.screen import missing_display

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.storage.mask_pattern import ChosenMasks
    from segstudio.studio import Studio
    from segstudio.window.crash import CrashGuard

EXIT_USAGE = 2
EXIT_UNSAVED = 1


def run(
    folder: Path | None = None,
    samples: bool = False,
    screenshot: Path | None = None,
    masks: ChosenMasks | None = None,
) -> int:
    """Open the window and return the exit code when it is closed.

    Args:
        folder: A folder of images (or one image) to open.
        samples: Open the embedded samples instead.
        screenshot: Run the default model on the first image, save the window's picture, exit.
        masks: The masks of the folder, if they are not to be found.
    """
    problem = missing_display()
    if problem:
        sys.stderr.write(f"error: {problem}\n")
        return EXIT_USAGE
    application = Application(folder, samples, screenshot, masks)
    return application.exec()


def leave(code: int) -> NoReturn:
    """End the process of a window that is closed: all is saved, the jobs have stopped.

    Python would first wait for what is just being imported beside the window, PyTorch for
    seconds, and then take all of it apart.
    """
    application = QApplication.instance()
    if application is not None:
        application.shutdown()  # what was copied goes to the system, which keeps it
    atexit._run_exitfuncs()  # noqa: SLF001 - as Python does at its end
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # there is none under pythonw
            with suppress(OSError):  # whoever read it has gone
                stream.flush()
    os._exit(code)


class Application:
    """The parts that live as long as the window."""

    def __init__(
        self,
        folder: Path | None,
        samples: bool,
        screenshot: Path | None,
        masks: ChosenMasks | None = None,
    ) -> None:
        self.qt = _qt_application()
        self.qt.setApplicationName("segstudio")
        self.qt.setApplicationDisplayName("")
        self.qt.setDesktopFileName("segstudio")
        self.dispatcher = Dispatcher()
        self.garbage = GuiGarbage()
        self.folders = user_folders()
        self.theme = Theme(self.qt)
        self.window = MainWindow(
            self.folders.config / "window.ini",
            self.theme,
            fits_screen=screenshot is None,
            opens=folder is not None or samples or screenshot is not None,
        )
        self.studio: Studio | None = None
        self._fills = False
        self._folder, self._samples, self._screenshot = folder, samples, screenshot
        self._masks = masks
        self._crash: CrashGuard | None = None
        self.window.first_painted.connect(
            self._after_first_paint, Qt.ConnectionType.QueuedConnection
        )

    def exec(self) -> int:
        """Show the window and run until it is closed.

        Returns:
            The exit code; not 0 if something could not be saved, which is said on the terminal.
        """
        self.garbage.hold()
        self.window.show()
        try:
            code = self.qt.exec()
        finally:
            self.close()
        unsaved = self.studio.last_words if self.studio is not None else []
        for line in unsaved:
            sys.stderr.write(f"segstudio: {line}\n")
        return code or (EXIT_UNSAVED if unsaved else 0)

    def close(self) -> None:
        """Stop the jobs (saving is finished first) and give the hooks back."""
        if self.studio is not None:
            self.studio.close()
        if self._crash is not None:
            self._crash.remove()
        self.dispatcher.close()
        self.garbage.stop()

    def _after_first_paint(self) -> None:
        """Import what fills the window beside the event loop, so that the window answers."""
        threading.Thread(target=self._import, name="segstudio-start", daemon=True).start()

    def _import(self) -> None:
        try:
            MainWindow.load()
            for step in self.window.bar_steps():
                self.dispatcher.post(step)
            self.dispatcher.post(self._guard)
            self._show_start()
            for step in self.window.dock_steps():
                self.dispatcher.post(step)
            import segstudio.window.preload  # noqa: F401 - loaded for what it imports
        except BaseException as error:
            caught = error

            def fail() -> None:
                raise caught

            self.dispatcher.post(fail)
            raise
        # all at once, so that no result of the studio's jobs comes between two of them
        self.dispatcher.post(self._make_studio)
        if self.window.start.active:
            for fill in self.window.attach_steps():
                self.dispatcher.post(partial(self._attach, fill))
        else:  # panels that can be seen come in one repaint
            self.dispatcher.post(partial(self._attach, self.window.attach))
        self.dispatcher.post(partial(self._attach, self._begin))

    def _show_start(self) -> None:
        """Show the start page before all that is slow to import; its rows are read here."""
        from segstudio.storage.recent_folders import recent_folders
        from segstudio.storage.settings import load_settings

        settings = load_settings(self.folders.config / "settings.json", only_look=True)
        rows = recent_folders(settings.recent, settings.recent_facts)
        self.dispatcher.post(partial(self.theme.choose, settings.theme))
        self.dispatcher.post(partial(self.window.start.build, rows))

    def _guard(self) -> None:
        from segstudio.kit.icons import icon
        from segstudio.window.crash import CrashGuard

        self._crash = CrashGuard(self.dispatcher, self.window, self.folders.data)
        self._crash.install()
        self.window.setWindowIcon(icon("segstudio"))

    def _make_studio(self) -> None:
        from segstudio.studio import Studio

        home = os.environ.get("SEGSTUDIO_HOME")
        self.studio = Studio(self.dispatcher, Path(home) if home else None)
        if self._crash is not None:
            self._crash.studio = self.studio
        self._fills = True

    def _attach(self, step: Callable[[Studio], None]) -> None:
        """Do a step of what fills the window; after one that failed none is of use."""
        if self._fills and self.studio is not None:
            self._fills = False
            step(self.studio)
            self._fills = True

    def _begin(self, studio: Studio) -> None:
        self._open()
        studio.jobs.submit(
            "Loading PyTorch", "model", _import_torch, ended=self.garbage.start, visible=False
        )

    def _open(self) -> None:
        assert self.studio is not None
        browsing = self.studio.browsing
        if self._screenshot is not None:
            from segstudio.window.screenshot import Screenshot

            self._shot = Screenshot(self.window, self.studio, self._screenshot)
        if self._folder is not None:
            browsing.open_path(self._folder, self._masks)
        elif self._samples or self._screenshot is not None:
            browsing.open_samples()
        if self._screenshot is None:
            self.window.verbs.offer_recovery()


def _qt_application() -> QApplication:
    """The application, with Qt's own style, so that it looks alike on all systems.

    The style is named by an argument: `setStyle` makes all that Python knows of styles, which the
    first window need not wait for.
    """
    existing = QApplication.instance()
    if not isinstance(existing, QApplication):
        return QApplication([*sys.argv[:1], "-style", "Fusion"])
    existing.setStyle("Fusion")
    return existing


def _import_torch(_job: object) -> None:
    """Load torch once the window is up, so that the first run need not wait for it."""
    from segstudio.models.shared_libraries import load_shared_libraries

    load_shared_libraries("torch")
    import segstudio.models.segmenter  # noqa: F401
