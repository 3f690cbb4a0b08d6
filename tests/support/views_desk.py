"""Four views with two predictions, and what is seen in them."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, Qt

from segstudio.core.prediction import Prediction
from segstudio.session.session import Layer, OverlayStyle, Pane, What

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def square(class_id: int, top: int, left: int) -> np.ndarray:
    labels = np.zeros((40, 50), np.uint8)
    labels[top : top + 10, left : left + 10] = class_id
    return labels


def predict(desk, run: str, labels, **values) -> None:
    """Add a prediction to the open image."""
    certain = np.full(labels.shape, 255, np.uint8)
    schema = values.pop("schema", desk.SCHEMA)
    found = Prediction(run, f"Model {run}", schema, labels, certain, **values)
    desk.session.document.predictions[run] = found
    desk.session.notify(What.PREDICTIONS)


def open_views(desk):
    """Four views of a grey photo of 40 x 50 with two predictions; at 3 x."""
    desk.canvas.resize(600, 480)
    desk.open(desk.flat(40, 50), square(1, 5, 5))
    predict(desk, "a", square(1, 5, 5))
    predict(desk, "b", square(3, 5, 10))
    panes = (Pane(Layer.PREDICTION, "a"), Pane(Layer.PREDICTION, "b"), Pane(Layer.NONE, "a"))
    desk.session.set_view(
        layer=Layer.ANNOTATION, run="a", panes=panes, style=OverlayStyle.FILL, opacity=1.0
    )
    desk.settle()
    desk.viewport.zoom_to(3.0, (0, 0))
    desk.settle()
    return desk


def viewport(desk, number: int):
    return desk.canvas.panes[number].viewport


def color_at(desk, number: int, x: float, y: float) -> tuple[int, int, int]:
    """What a view shows at the middle of an image pixel."""
    view = viewport(desk, number)
    found = view.grab().toImage().pixelColor(*(int(v) for v in view.to_screen((x + 0.5, y + 0.5))))
    return (found.red(), found.green(), found.blue())


def at(desk, number: int, x: float, y: float) -> QPoint:
    sx, sy = viewport(desk, number).to_screen((x + 0.5, y + 0.5))
    return QPoint(int(sx), int(sy))


def middles(desk) -> list[tuple[float, float]]:
    """The image point in the middle of each view."""
    shown = [pane.viewport for pane in desk.canvas.shown_panes]
    return [v.to_image((v.width() / 2, v.height() / 2)) for v in shown]
