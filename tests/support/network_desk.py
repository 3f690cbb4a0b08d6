"""A window with tiny real networks in which the network panel is opened."""

from __future__ import annotations

from PySide6.QtCore import Qt
from tiny_networks import UNET

LEFT = Qt.MouseButton.LeftButton


def closed_desk(make_window, tiny_engine, folder):
    """A window with tiny real networks in which the panel was not opened yet."""
    bench = make_window(engine=tiny_engine)
    bench.window.resize(1280, 800)
    bench.open(folder)
    bench.studio.segmenting.choose(UNET)
    return bench


def open_desk(closed, qtbot):
    """The same with the panel open and the first image traced."""
    qtbot.keyClick(closed.window, Qt.Key.Key_N)
    traced(closed)
    return closed


def traced(bench) -> None:
    """Wait for the panel and a trace in it."""
    bench.until(lambda: bench.window.network.panel is not None)
    bench.until(lambda: bench.session.inspection.traced is not None)
    bench.until(lambda: not bench.session.inspection.waiting)
    bench.settle()


def panel(bench):
    return bench.window.network.panel
