"""A window with tiny real networks in which the network panel is opened."""

from __future__ import annotations

from dataclasses import fields

from PySide6.QtCore import Qt
from tiny_networks import UNET, TinyEngine
from windows import write_pictures

import segstudio.inspection.nets.traced_model  # noqa: F401 - takes seconds, and no test shall wait for it
from segstudio.inspection.ui.network_pages import STAGE
from segstudio.inspection.ui.sharing import Room
from segstudio.kit.table_model import UNSORTED

LEFT = Qt.MouseButton.LeftButton
_OF_THE_IMAGE = frozenset({"active", "traced", "second", "waiting", "problem"})
"""What of the inspector's state follows from the open image and the models."""


def closed_desk(make_window, engine, folder):
    """A window with tiny real networks in which the panel was not opened yet."""
    bench = make_window(engine=engine)
    bench.window.resize(1280, 800)
    bench.open(folder)
    bench.studio.segmenting.choose(UNET)
    return bench


def open_desk(closed, qtbot):
    """The same with the panel open and the first image traced."""
    qtbot.keyClick(closed.window, Qt.Key.Key_N)
    traced(closed)
    return closed


def open_kept(keep_window, specs, tmp_path):
    """The same for all tests of a module."""
    folder = write_pictures(tmp_path / "pictures")
    closed = closed_desk(keep_window, TinyEngine(specs), folder)
    return found(open_desk(closed, closed.qtbot))


def found(bench):
    """Note how a kept window, or a kept studio, is found by tests."""
    bench.found = bench.session.inspection
    bench.folder = bench.session.project.root
    return bench


def as_found(bench):
    """A kept window before all others, its panel open, as it was when its tests began."""
    bench.window.raise_()
    bench.window.activateWindow()
    bench.window.resize(1280, 800)
    bench.studio.notices.close_shown()
    if not bench.window.docks.shown("Network"):
        bench.window.docks.open("Network")
    put_back(bench)
    shown = panel(bench)
    shown.header.diagram.click()
    shown.header.room_chosen.emit(Room.BOTH)
    shown.structure.table.horizontalHeader().setSortIndicator(*UNSORTED)
    shown.pages.bring(STAGE)
    bench.settle()
    return bench


def put_back(bench) -> None:
    """Open and trace the first image of the folder again, with the choices that were found."""
    studio, session = bench.studio, bench.session
    studio.segmenting.choose(UNET)
    if session.project.root != bench.folder:
        bench.open(bench.folder)
    studio.browsing.select(0)
    studio.inspecting.open()
    bench.until(lambda: session.document is not None and session.index == 0)
    bench.until(lambda: _is_traced(session))
    choices = {f.name for f in fields(bench.found)} - _OF_THE_IMAGE
    if bench.found.second is None:
        session.set_inspection(second=None)
    session.set_inspection(**{name: getattr(bench.found, name) for name in choices})


def _is_traced(session) -> bool:
    now = session.inspection
    traced = now.traced
    there = traced is not None and traced.document is session.document and traced.model == UNET
    return there and not now.waiting


def traced(bench) -> None:
    """Wait for the panel and a trace in it."""
    bench.until(lambda: bench.window.network.panel is not None)
    bench.until(lambda: bench.session.inspection.traced is not None)
    bench.until(lambda: not bench.session.inspection.waiting)
    bench.settle()


def panel(bench):
    return bench.window.network.panel
