"""Whether there is a screen to open a window on, asked before Qt would abort."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PACKAGES = (
    "libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-image0 libxcb-render-util0 "
    "libxcb-shape0 libxkbcommon-x11-0 libegl1"
)
_HOW = "Set DISPLAY, or run it as: xvfb-run -a segstudio"


def missing_display() -> str:
    """Why no window can be opened, in one line, or "" if one can."""
    if not sys.platform.startswith("linux"):
        return ""
    if os.environ.get("QT_QPA_PLATFORM", "xcb").partition(":")[0] != "xcb":
        return ""
    if os.environ.get("WAYLAND_DISPLAY") and "QT_QPA_PLATFORM" not in os.environ:
        return ""
    display = os.environ.get("DISPLAY", "")
    if not display:
        return f"there is no screen (DISPLAY is not set). {_HOW}"
    if not _answers():
        return f"the screen DISPLAY={display} does not answer. {_HOW}"
    return _missing_library()


def _answers() -> bool:
    """Whether the X server of DISPLAY lets us in; True where that cannot be asked."""
    import ctypes

    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    # Left open on purpose: a server whose only client goes away starts anew, which costs time.
    return not xcb.xcb_connection_has_error(xcb.xcb_connect(None, None))


def _missing_library() -> str:
    """Which system library Qt's X11 plug-in lacks, with how to get it; "" if none.

    Loading the plug-in here costs nothing: Qt would load the very same file next.
    """
    import ctypes
    import importlib.util

    package = importlib.util.find_spec("PySide6")
    if package is None or package.origin is None:
        return ""
    plugin = Path(package.origin).parent / "Qt/plugins/platforms/libqxcb.so"
    if not plugin.is_file():
        return ""
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        return f"Qt cannot open a window: {error}. On Debian and Ubuntu: apt install {_PACKAGES}"
    return ""
