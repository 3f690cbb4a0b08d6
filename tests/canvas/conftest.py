"""A canvas on a document made by hand: no files, no jobs."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from pauses import views_are_awaited
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from shared_window import bench, folder, kept  # noqa: F401 - fixtures
from windows import (  # noqa: F401 - fixtures
    clock,
    fake_engine,
    keep_window,
    make_window,
    messages_stay,
    nothing_left_behind,
    qtbot,
    studio,
    user_folders,
)

from segstudio.annotation.editing import Editing
from segstudio.annotation.ui.tools.tool_table import TOOLS
from segstudio.canvas.canvas import Canvas
from segstudio.canvas.legend_bar import LegendBar
from segstudio.canvas.view import View
from segstudio.canvas.viewport import Viewport
from segstudio.comparison.comparing import Comparing
from segstudio.core.labels import LabelMap
from segstudio.core.prediction import Prediction
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.session.document import Document
from segstudio.session.session import Session, What
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.settings import Settings

RED, GREEN, BLUE = (200, 40, 30), (20, 180, 60), (30, 60, 220)
SCHEMA = LabelSchema(
    (
        ClassSpec(0, "background", (0, 0, 0)),
        ClassSpec(1, "red", RED),
        ClassSpec(2, "green", GREEN),
        ClassSpec(3, "blue", BLUE),
    )
)
NONE = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton


@dataclass
class Desk:
    """A canvas of 400 x 300 with what belongs to it, and hands to use it."""

    RED, GREEN, BLUE = RED, GREEN, BLUE
    """Colours of the classes 1, 2 and 3."""
    SCHEMA = SCHEMA

    session: Session
    editing: Editing
    settings: SimpleNamespace
    canvas: Canvas
    legend: LegendBar
    bar: QWidget
    """What the legend lies in; never shown."""

    @staticmethod
    def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
        """A photo of random pixels."""
        return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)

    @staticmethod
    def flat(height: int, width: int, value: int = 100) -> np.ndarray:
        """A grey photo."""
        return np.full((height, width, 3), value, np.uint8)

    @property
    def viewport(self) -> Viewport:
        return self.canvas.viewport

    @property
    def labels(self) -> np.ndarray:
        assert self.session.document is not None
        return self.session.document.annotation.labels

    def open(self, pixels, labels=None, *, prediction=None, instances=None) -> Document:
        """Open an image made by hand."""
        found = np.zeros(pixels.shape[:2], np.uint8) if labels is None else labels
        truth = None if labels is None else LabelMap(found.copy(), instances)
        document = Document(
            ImageRef("made.png", "/nowhere"), pixels, LabelMap(found.copy(), instances), truth
        )
        if prediction is not None:
            confidence = np.full(found.shape, 255, np.uint8)
            document.predictions["m"] = Prediction("m", "Model", SCHEMA, prediction, confidence)
        self.session.document = document
        self.session.view = self.session.view.__class__(
            run="m" if prediction is not None else "", tool=self.session.view.tool
        )
        self.session.notify(What.DOCUMENT | What.VIEW)
        QApplication.processEvents()
        return document

    def place(self, zoom: float, origin_xy=(0.0, 0.0)) -> None:
        """Zoom and place by hand."""
        self.viewport._fits = False
        self.viewport._set_view(View(zoom, origin_xy))

    def take(self, tool: str, **view) -> None:
        """Take a tool."""
        self.session.set_view(tool=tool, **view)

    def at(self, x: float, y: float) -> QPoint:
        """The whole logical pixel of the viewport nearest to an image point."""
        sx, sy = self.viewport.to_screen((x, y))
        return QPoint(int(sx // 1), int(sy // 1))

    def press(self, x, y, *, button=LEFT, keys=NONE) -> None:
        QTest.mousePress(self.viewport, button, keys, self.at(x, y))

    def move(self, x, y) -> None:
        """Move there; from elsewhere, as a pointer that is there already sends no event."""
        if self.viewport._pointer is None:
            QTest.mouseMove(self.viewport, self.at(x, y) + QPoint(3, 0))
        QTest.mouseMove(self.viewport, self.at(x, y))

    def release(self, x, y, *, button=LEFT, keys=NONE) -> None:
        QTest.mouseRelease(self.viewport, button, keys, self.at(x, y))

    def click(self, x, y, *, button=LEFT, keys=NONE) -> None:
        QTest.mouseClick(self.viewport, button, keys, self.at(x, y))

    def stroke(self, *points, keys=NONE) -> None:
        """Press at the first point, move through all, release at the last."""
        self.press(*points[0], keys=keys)
        for point in points[1:]:
            self.move(*point)
        self.release(*points[-1], keys=keys)

    def settle(self) -> None:
        """Let timers of length 0 and repaints happen, and views that are wanted be made."""
        QApplication.processEvents()
        while views_are_awaited(self.canvas):
            QApplication.processEvents()

    def said(self, number: int = 0) -> str:
        """What the header of a view says, with all its words."""
        self.canvas._fill_headers()
        parts = self.canvas.panes[number].header.name.said.parts
        return " ".join(part.text or "---" for part in parts)

    def explained(self) -> list[str]:
        """What the legend says."""
        self.legend._show()
        legend = self.legend.legend
        words = [word for word in (legend.names, legend.caption) if word]
        return words + [entry.text for entry in legend.entries]

    def picture(self) -> np.ndarray:
        """(H, W, 3) uint8 of what the viewport shows, without the pointer and the header."""
        pointer, self.viewport._pointer = self.viewport._pointer, None
        image = self.viewport.grab().toImage().convertToFormat(self.viewport._frame.image.format())
        self.viewport._pointer = pointer
        data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)
        return data[:, : image.width(), 2::-1].copy()


@pytest.fixture
def desk(qtbot) -> Desk:  # noqa: F811 - the fixture of that name
    """A shown canvas with nothing open."""
    session = Session()
    session.schema = SCHEMA
    editing = Editing(session)
    settings = SimpleNamespace(keep_view=Settings().keep_view)
    models = SimpleNamespace(
        show=lambda run: session.set_view(run=run),
        run_models=lambda *_, **__: (),
        pending=frozenset(),
    )
    comparing = Comparing(session, models)
    canvas = Canvas(
        session, editing, comparing, None, lambda: settings.keep_view, TOOLS,
        key_of={"compare.wipe": "Shift+C"}.__getitem__,
    )  # fmt: skip
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.show()
    qtbot.waitExposed(canvas)
    canvas.activateWindow()
    canvas.setFocus()
    QApplication.processEvents()
    bar = QWidget()
    qtbot.addWidget(bar)
    legend = LegendBar(session, canvas.names)
    legend.setParent(bar)
    return Desk(session, editing, settings, canvas, legend, bar)
