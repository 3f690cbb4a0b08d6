"""Who wrote each pixel in the window: switched on in the menu, seen as a layer, followed by strokes."""

from __future__ import annotations

import numpy as np
import pytest
from image_files import save_image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.canvas.legend_bar import LegendBar
from segstudio.core.provenance import writer_colors
from segstudio.core.series_colors import BLUE, NEUTRAL, PINK, rgb_of
from segstudio.session.session import Layer

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def labelled(bench, tmp_path):
    """A black photo of 60 x 40 with class 1 in columns 0..19 of its ground truth."""
    root = tmp_path / "labelled"
    save_image(root / "a.png", np.zeros((40, 60, 3), np.uint8))
    mask = np.zeros((40, 60), np.uint8)
    mask[:, :20] = 1
    save_image(root / "masks" / "a.png", mask)
    bench.open(root)
    bench.session.set_view(opacity=1.0, brush_size=1, active_class=1)
    return bench


def seen(bench, x, y):
    viewport = bench.window.canvas.viewport
    across, down = viewport.to_screen((x + 0.5, y + 0.5))
    return viewport.grab().toImage().pixelColor(round(across), round(down)).getRgb()[:3]


def legend(bench):
    bench.settle()
    return [(e.text, e.color) for e in bench.window.findChild(LegendBar).legend.entries if e.color]


def switch(bench):
    action = bench.window.commands["edit.provenance"]
    action.trigger()
    return action


def show(bench):
    assert bench.session.document is not None
    bench.until(lambda: Layer.PROVENANCE in bench.studio.comparing.layers())
    bench.session.set_view(layer=Layer.PROVENANCE)
    bench.settle()


def test_the_layer_shows_who_wrote_what_and_follows_the_brush(labelled):
    bench = labelled
    assert switch(bench).isChecked()
    show(bench)
    assert seen(bench, 10, 10) == rgb_of(NEUTRAL)
    assert seen(bench, 40, 10) == (0, 0, 0)
    assert legend(bench) == [("an import", rgb_of(NEUTRAL))]
    canvas = bench.window.canvas
    QTest.keyClick(canvas, Qt.Key.Key_B)
    at = QPoint(*map(round, canvas.viewport.to_screen((40.5, 10.5))))
    QTest.mouseClick(canvas.viewport, LEFT, NONE, at)
    away = QPoint(*map(round, canvas.viewport.to_screen((5.5, 30.5))))
    QTest.mouseMove(canvas.viewport, away)  # its mark lies over what would be painted
    bench.settle()
    assert seen(bench, 40, 10) == rgb_of(PINK)
    assert legend(bench) == [("an import", rgb_of(NEUTRAL)), ("a person", rgb_of(PINK))]
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    bench.settle()
    assert seen(bench, 40, 10) == (0, 0, 0)
    assert legend(bench) == [("an import", rgb_of(NEUTRAL))]


def test_pixels_of_a_model_have_its_colour_and_name(labelled):
    bench = labelled
    switch(bench)
    show(bench)
    bench.studio.segmenting.run_current()
    bench.until(lambda: bool(bench.session.document.predictions))
    (run,) = bench.session.document.predictions
    prediction = bench.session.document.predictions[run]
    before = np.array(bench.session.document.annotation.labels)
    bench.studio.editing.use_prediction(run)
    bench.settle()
    y, x = np.argwhere(before != prediction.labels)[0]
    assert seen(bench, int(x), int(y)) == rgb_of(BLUE)
    assert (prediction.title, rgb_of(BLUE)) in legend(bench)


def test_switched_off_there_is_no_layer(labelled):
    bench = labelled
    switch(bench)
    show(bench)
    assert not switch(bench).isChecked()
    bench.until(lambda: Layer.PROVENANCE not in bench.studio.comparing.layers())
    assert seen(bench, 10, 10) == (0, 0, 0)
    assert legend(bench) == []


def test_a_person_an_import_and_the_first_models_have_colours_of_their_own():
    colors = {tuple(c) for c in writer_colors()[1:10].tolist()}
    assert len(colors) == 9
