"""The canvas as a whole: empty, loading, dropping, the legend, the ring, two screens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6 import __version_info__
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QCursor, QDragEnterEvent, QDropEvent, QEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from segstudio.annotation.ui.tools.tool_table import TOOLS
from segstudio.canvas.canvas import Canvas
from segstudio.core.brush import stamp_centre
from segstudio.session.session import Layer, OverlayStyle, Unreadable, What

NO_BUTTONS, NO_KEYS = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
# Qt asks for another kind of place from 6.12 on.
ENTERED_AT = QPointF(50, 50) if __version_info__ >= (6, 12) else QPoint(50, 50)


def test_an_empty_canvas_says_what_to_do_and_its_links_work(desk):
    line = desk.canvas.empty.line
    assert line.isVisible()
    assert "Drop a folder here" in line.text()
    heard = []
    desk.canvas.open_requested.connect(lambda: heard.append("open"))
    desk.canvas.samples_requested.connect(lambda: heard.append("samples"))
    line.linkActivated.emit("open")
    line.linkActivated.emit("samples")
    assert heard == ["open", "samples"]


@pytest.mark.parametrize(("count", "said"), [(1, ""), (0, "There are no images in this folder.")])
def test_before_the_first_image_of_a_folder_comes_nobody_is_told_to_open_one(desk, count, said):
    desk.session.project = SimpleNamespace(images=["a.png"] * count)
    desk.session.notify(What.PROJECT | What.DOCUMENT)
    assert desk.canvas.empty.isVisible()
    assert desk.canvas.empty.line.text().startswith(said)
    assert "Drop a folder" not in desk.canvas.empty.line.text()


def test_the_links_can_be_clicked(desk):
    """Somewhere along the line there is a place for each of the two."""
    line = desk.canvas.empty.line
    heard = set()
    desk.canvas.open_requested.connect(lambda: heard.add("open"))
    desk.canvas.samples_requested.connect(lambda: heard.add("samples"))
    for x in range(0, line.width(), 6):
        QTest.mouseClick(line, Qt.MouseButton.LeftButton, pos=QPoint(x, line.height() // 2))
    assert heard == {"open", "samples"}


def dragged(path: str) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path)])
    return data


def test_a_dropped_folder_is_told(desk, tmp_path):
    heard = []
    desk.canvas.path_dropped.connect(heard.append)
    data = dragged(str(tmp_path))
    enter = QDragEnterEvent(ENTERED_AT, Qt.DropAction.CopyAction, data, NO_BUTTONS, NO_KEYS)
    QApplication.sendEvent(desk.canvas, enter)
    assert enter.isAccepted()
    drop = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, NO_BUTTONS, NO_KEYS)
    QApplication.sendEvent(desk.canvas, drop)
    assert heard == [tmp_path]


def test_what_is_no_file_is_not_taken(desk):
    data = QMimeData()
    data.setText("hello")
    enter = QDragEnterEvent(ENTERED_AT, Qt.DropAction.CopyAction, data, NO_BUTTONS, NO_KEYS)
    enter.ignore()
    QApplication.sendEvent(desk.canvas, enter)
    assert not enter.isAccepted()


def test_from_the_selection_on_the_last_picture_cannot_be_painted_on(desk):
    first = desk.open(desk.flat(40, 50, 200))
    desk.take("brush")
    before = desk.picture()
    desk.session.document, desk.session.loading = None, "next.png"
    desk.click(20, 20)  # the screen has not been told yet
    assert not first.annotation.labels.any()
    assert np.array_equal(desk.picture(), before)
    desk.session.notify(What.DOCUMENT)
    desk.settle()
    assert desk.viewport.document is first
    assert desk.viewport.cursor().shape() == Qt.CursorShape.BusyCursor
    assert desk.picture().mean() < 0.8 * before.mean()
    desk.click(20, 20)
    assert not first.annotation.labels.any()
    desk.open(desk.flat(40, 50, 200))
    assert np.array_equal(desk.picture(), before)
    desk.session.document, desk.session.loading = None, ""
    desk.session.notify(What.DOCUMENT)
    assert desk.viewport.document is None
    assert desk.canvas.empty.isVisible()


def test_a_broken_image_says_why_in_the_place_of_its_picture(desk):
    desk.open(desk.flat(40, 50, 200))
    desk.session.document = None
    desk.session.unreadable = Unreadable("<b>x</b>.png", "<b>x</b>.png ends too early.", "Copy it.")
    desk.session.notify(What.DOCUMENT)
    desk.settle()
    assert desk.viewport.document is None
    assert desk.canvas.empty.isVisible()
    assert desk.canvas.empty.line.text() == "<b>x</b>.png ends too early.\n\nCopy it."
    assert desk.canvas.empty.line.textFormat() == Qt.TextFormat.PlainText


def test_the_header_says_what_is_shown(desk):
    labels = np.ones((40, 50), np.uint8)
    desk.open(desk.flat(40, 50), labels, prediction=labels)
    texts = {}
    for layer in Layer:
        desk.session.set_view(layer=layer)
        texts[layer] = desk.said()
    assert texts == {
        Layer.ANNOTATION: "Annotation filled",
        Layer.PREDICTION: "Model filled",
        Layer.BOTH: "Annotation filled --- Model dashed",
        Layer.DIFFERENCE: "Model difference from the annotation",
        Layer.CONFIDENCE: "Model confidence",
        Layer.ENTROPY: "Model entropy",
        Layer.MODELS: "Difference of models only one prediction",
        Layer.DISAGREEMENT: "Disagreement needs two predictions",
        Layer.NONE: "Photo only",
        Layer.ORIGINAL: "Original filled",
        Layer.PROVENANCE: "Who wrote it is not kept: Edit > Keep who wrote each pixel",
    }
    desk.session.set_view(layer=Layer.BOTH, style=OverlayStyle.OUTLINE)
    assert desk.said() == "Annotation outlined --- Model dashed"
    desk.session.set_inspection(active=True)
    assert desk.said() == "Model outlined --- Annotation dashed"
    desk.session.set_view(layer=Layer.DIFFERENCE)
    only = ["only the model", "only the annotation"]
    assert desk.explained() == ["agree", *only, "wrong class"]
    desk.session.set_view(overlay_visible=False)
    assert desk.said() == "Overlay hidden"
    assert desk.explained() == []


def test_without_a_prediction_the_annotation_is_left(desk):
    desk.open(desk.flat(40, 50), np.ones((40, 50), np.uint8))
    desk.session.set_view(layer=Layer.BOTH)
    assert desk.said() == "Annotation filled"
    desk.session.set_view(layer=Layer.DIFFERENCE)
    assert desk.said() == "Difference no prediction yet"


def test_the_ring_has_the_brushs_size_and_lies_where_it_paints(desk):
    desk.open(desk.flat(40, 50, 128))
    desk.place(8.0)
    desk.session.set_view(layer=Layer.NONE)
    for size, pointer in (
        (1, (10.3, 10.8)),
        (2, (20.2, 10.6)),
        (7, (30.9, 20.1)),
        (10, (20.4, 25.6)),
    ):
        desk.take("brush", brush_size=size)
        desk.viewport._pointer = None
        plain = desk.viewport.grab().toImage()
        desk.move(*pointer)
        shown = desk.viewport.grab().toImage()
        differs = [
            (x, y) for y in range(300) for x in range(400) if plain.pixel(x, y) != shown.pixel(x, y)
        ]
        xs, ys = zip(*differs, strict=True)
        desk.click(*pointer)
        rows, columns = np.nonzero(desk.labels)
        desk.editing.undo()
        # Ring and stamp agree: the ring is drawn around the painted pixels, two pixels wide.
        for low, high, pixels in ((min(xs), max(xs), columns), (min(ys), max(ys), rows)):
            assert abs(low - 8 * pixels.min()) <= 3
            assert abs(high + 1 - 8 * (pixels.max() + 1)) <= 3


def test_stamps_are_centred_on_pixels_or_corners():
    assert stamp_centre((3.2, 7.9), 5) == (3.5, 7.5)
    assert stamp_centre((3.2, 7.9), 4) == (3.0, 8.0)


def test_the_pointers_shape_follows_the_tool(desk):
    desk.open(desk.flat(40, 50))
    shapes = {}
    for tool in TOOLS:
        desk.take(tool.name)
        desk.move(20, 20)
        shapes[tool.name] = desk.viewport.cursor().shape()
    cross, blank = Qt.CursorShape.CrossCursor, Qt.CursorShape.BlankCursor
    others = {
        "pan": Qt.CursorShape.OpenHandCursor,
        "select": Qt.CursorShape.ArrowCursor,
        "copy": Qt.CursorShape.SizeAllCursor,
        "split": cross,
        "merge": cross,
        "brush": blank,
        "eraser": blank,
        "contrast": Qt.CursorShape.SizeAllCursor,
    }
    assert shapes == {tool.name: others.get(tool.name, cross) for tool in TOOLS}


def test_alt_and_ctrl_change_the_pointer_while_it_rests(desk):
    desk.open(desk.flat(40, 50))
    desk.take("brush")
    desk.move(20, 20)
    blank, cross = Qt.CursorShape.BlankCursor, Qt.CursorShape.CrossCursor
    QTest.keyPress(desk.viewport, Qt.Key.Key_Alt)
    assert desk.viewport.cursor().shape() == cross
    QTest.keyRelease(desk.viewport, Qt.Key.Key_Alt)
    assert desk.viewport.cursor().shape() == blank
    plain = desk.viewport.grab().toImage()
    QTest.keyPress(desk.viewport, Qt.Key.Key_Control)
    assert desk.viewport.grab().toImage() != plain  # the ring is dashed
    QTest.keyRelease(desk.viewport, Qt.Key.Key_Control)
    assert desk.viewport.grab().toImage() == plain


def test_the_pointer_brings_the_keyboard_unless_something_is_typed(desk, qtbot):
    desk.open(desk.flat(40, 50))
    window = QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    field, other = QLineEdit(), QWidget()
    other.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    for widget in (field, other, desk.canvas):
        layout.addWidget(widget)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    for widget, takes in ((other, True), (field, False)):
        widget.setFocus()
        spot = QPointF(5, 5)
        QApplication.sendEvent(desk.viewport, QEnterEvent(spot, spot, spot))
        assert desk.viewport.hasFocus() == takes
    # a menu that opens and goes lets a pointer leave and enter that rests all the time
    other.setFocus()
    rests = QPointF(QCursor.pos())
    for place, takes in ((rests, False), (rests + QPointF(9, 0), True)):
        QApplication.sendEvent(desk.viewport, QEvent(QEvent.Type.Leave))
        QApplication.sendEvent(desk.viewport, QEnterEvent(spot, spot, place))
        assert desk.viewport.hasFocus() == takes
    desk.canvas.setParent(None)


def test_a_real_studio_is_shown_and_painted_on_with_the_tool_that_is_in_hand(studio, qtbot):
    session = studio.session
    session.set_view(tool="brush", brush_size=1, active_class=2)
    canvas = Canvas(session, studio.editing, studio.comparing, studio.jobs, lambda: True, TOOLS)
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.show()
    qtbot.waitExposed(canvas)
    assert canvas.viewport.document is session.document
    x, y = canvas.viewport.to_screen((40.5, 3.5))
    QTest.mouseClick(canvas.viewport, Qt.MouseButton.LeftButton, pos=QPoint(int(x), int(y)))
    assert session.document.annotation.labels[3, 40] == 2
    assert session.document.dirty


_TWO_TO_ONE = """
import numpy as np
import pytest
from types import SimpleNamespace
from PySide6.QtWidgets import QApplication
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from segstudio.annotation.editing import Editing
from segstudio.annotation.ui.tools.tool_table import TOOLS
from segstudio.core.labels import LabelMap
from segstudio.session.document import Document
from segstudio.session.session import Layer, Session, What
from segstudio.storage.image_ref import ImageRef
from segstudio.canvas.canvas import Canvas
from segstudio.comparison.comparing import Comparing
app = QApplication([])
session = Session()
editing = Editing(session)
models = SimpleNamespace(pending=frozenset())
canvas = Canvas(session, editing, Comparing(session, models), None, lambda: True, TOOLS)
canvas.resize(200, 150)
canvas.show()
photo = np.random.default_rng(0).integers(0, 256, (100, 120, 3), np.uint8)
session.document = Document(ImageRef("a.png", "/x"), photo, LabelMap.empty((100, 120)))
session.notify(What.DOCUMENT)
session.set_view(layer=Layer.NONE, tool="brush", brush_size=1)
canvas.actual_size()
assert canvas.viewport.devicePixelRatioF() == 2.0
x, y = (int(v) for v in canvas.viewport.view.origin_xy)
image = canvas.viewport.grab().toImage()
assert (image.width(), image.height()) == (400, 300)
shown = np.frombuffer(image.constBits(), np.uint8).reshape(300, 400, 4)[..., 2::-1]
assert np.array_equal(shown[y:y + 100, x:x + 120], photo), "not crisp"
canvas.viewport.zoom_to(8.0, (100, 75))
sx, sy = canvas.viewport.to_screen((60.5, 50.5))
QTest.mouseClick(canvas.viewport, Qt.LeftButton, pos=QPoint(int(sx), int(sy)))
labels = session.document.annotation.labels
assert labels[50, 60] == 1 and np.count_nonzero(labels) == 1, np.argwhere(labels)
print("good")
"""


def test_on_a_screen_of_two_to_one_image_pixels_are_screen_pixels():
    environment = {**os.environ, "QT_SCALE_FACTOR": "2", "QT_QPA_PLATFORM": "offscreen"}
    result = subprocess.run(
        [sys.executable, "-c", _TWO_TO_ONE],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stdout.strip() == "good", result.stderr
