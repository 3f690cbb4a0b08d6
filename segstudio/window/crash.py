"""Errors that nobody caught: save the work, say so, keep running."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, TYPE_CHECKING

from PySide6.QtCore import QSocketNotifier

from segstudio.core.errors import SegstudioError
from segstudio.core.text import SHOW_BYTES
from segstudio.kit.dispatch import Dispatcher

if TYPE_CHECKING:
    from segstudio.studio import Studio
    from segstudio.window.main_window import MainWindow

_log = logging.getLogger(__name__)
_LOG_BYTES = 1_000_000


class CrashGuard:
    """Takes over the hooks for uncaught errors while the window is open.

    Attributes:
        studio: What holds unsaved work; None until it is built.
    """

    def __init__(self, dispatcher: Dispatcher, window: MainWindow, data_folder: Path) -> None:
        self.studio: Studio | None = None
        self._dispatcher = dispatcher
        self._window = window
        self._folder = data_folder
        self._old_hooks = (sys.excepthook, threading.excepthook)
        self._faults: IO[str] | None = None
        self._handler: logging.Handler | None = None
        self._notifier: QSocketNotifier | None = None
        self._wakeup: tuple[socket.socket, socket.socket] | None = None
        self._old_signals: dict[int, object] = {}

    def install(self) -> None:
        """Set the hooks, the log file, and the file for crashes inside libraries."""
        sys.excepthook = self._on_error
        threading.excepthook = self._on_thread_error
        try:
            self._open_files()
        except OSError as error:
            _log.warning("no log file: %s", error)
        self._catch_signals()

    def remove(self) -> None:
        """Give the hooks back."""
        sys.excepthook, threading.excepthook = self._old_hooks
        if self._faults is not None:
            faulthandler.disable()
            with contextlib.suppress(OSError):
                self._faults.close()
            self._faults = None
        logging.raiseExceptions = True
        if self._handler is not None:
            logging.getLogger("segstudio").removeHandler(self._handler)
            with contextlib.suppress(OSError):  # what the full disk did not take
                self._handler.close()
            self._handler = None
        self._release_signals()

    def handle(self, error: BaseException) -> None:
        """Save what is dirty, write the log, show a message; on the GUI thread."""
        cause = _cause(error)
        if isinstance(cause, SegstudioError):
            self._window.notices.show_notice("warning", cause.message, cause.hint)
            return
        details = "".join(traceback.format_exception(error))
        _log.error("uncaught error\n%s", details)
        saved = self._save()
        self._window.notices.show_notice(
            "error",
            f"Something went wrong: {type(cause).__name__}: {cause}".rstrip(": "),
            f"{saved} You can go on working; please report the details.".strip(),
            details,
        )

    def _end(self) -> None:
        self._window.end()

    def _save(self) -> str:
        if self.studio is None:
            return ""
        try:
            self.studio.autosave.emergency()
        except Exception:  # noqa: BLE001 - a failing rescue must not hide the first error
            _log.exception("the emergency copy failed")
            return "Unsaved work could not be copied: please save it now."
        return "Unsaved work was copied to the recovery folder."

    def _on_error(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._dispatcher.post(self._end)
            return
        sys.stderr.write("".join(traceback.format_exception(kind, error, trace)))
        if threading.current_thread() is threading.main_thread():
            self.handle(error)
        else:
            self._dispatcher.post(lambda: self.handle(error))

    def _on_thread_error(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._on_error(args.exc_type, args.exc_value, args.exc_traceback)

    def _open_files(self) -> None:
        from logging.handlers import RotatingFileHandler

        logging.raiseExceptions = False  # of a log that cannot be written nobody needs a traceback
        self._folder.mkdir(parents=True, exist_ok=True)
        self._faults = (self._folder / "crashes.log").open("a")
        faulthandler.enable(self._faults)
        self._handler = RotatingFileHandler(
            self._folder / "segstudio.log",
            maxBytes=_LOG_BYTES,
            backupCount=1,
            encoding="utf-8",
            errors=SHOW_BYTES,
        )
        self._handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
        logging.getLogger("segstudio").addHandler(self._handler)

    def _catch_signals(self) -> None:
        """Close the window properly on Ctrl+C and on termination.

        Python runs signal handlers between its own instructions only, which Qt's loop never
        reaches by itself; the wake-up socket lets Qt see them.
        """
        if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
            return
        self._wakeup = socket.socketpair()
        for end in self._wakeup:
            end.setblocking(False)
        signal.set_wakeup_fd(self._wakeup[1].fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(
            self._wakeup[0].fileno(), QSocketNotifier.Type.Read, self._window
        )
        self._notifier.activated.connect(self._drain_wakeup)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._old_signals[number] = signal.signal(number, self._on_signal)

    def _release_signals(self) -> None:
        for number, handler in self._old_signals.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._old_signals.clear()
        if self._wakeup is not None:
            signal.set_wakeup_fd(-1)
            if self._notifier is not None:
                self._notifier.setEnabled(False)
            for end in self._wakeup:
                end.close()
            self._wakeup = None

    def _drain_wakeup(self) -> None:
        if self._wakeup is not None:
            self._wakeup[0].recv(64)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._dispatcher.post(self._end)


def _cause(error: BaseException) -> BaseException:
    """The error behind psygnal's wrapping of what a listener raised."""
    while type(error).__name__ == "EmitLoopError" and error.__cause__ is not None:
        error = error.__cause__
    return error
