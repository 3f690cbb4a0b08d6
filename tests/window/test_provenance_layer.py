"""Who wrote each pixel in the window: switched on in the menu, seen as a layer, followed by strokes."""

from __future__ import annotations

import numpy as np
import pytest
from image_files import save_image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.canvas.legend_bar import LegendBar
from segstudio.core.geometry import Rect
from segstudio.core.provenance import UNKNOWN, writer_colors
from segstudio.core.series_colors import BLUE, NEUTRAL, PINK, rgb_of
from segstudio.session.session import Layer

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def labelled(bench, tmp_path):
    """A black photo of 60 x 40 with class 1 in columns 0..19 of its ground truth.

    The model finds class 1 where there is red, from (40, 32) on.
    """
    root = tmp_path / "labelled"
    photo = np.zeros((40, 60, 3), np.uint8)
    photo[32:, 40:] = 120, 0, 0
    save_image(root / "a.png", photo)
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
    painted = bench.session.document.annotation
    bench.until(lambda: bool((painted.labels == prediction.labels).all()))
    bench.settle()
    changed = (before != prediction.labels).astype(np.uint8)
    same = [np.roll(prediction.labels, by, axis) == prediction.labels
            for by in (-1, 1) for axis in (0, 1)]  # fmt: skip
    y, x = np.argwhere(changed & np.logical_and.reduce(same))[0]  # beside no outline
    assert seen(bench, int(x), int(y)) == rgb_of(BLUE)
    assert (prediction.title, rgb_of(BLUE)) in legend(bench)


def test_what_is_labelled_by_nobody_known_is_outlined(labelled):
    bench = labelled
    bench.studio.editing.paint_mask(Rect(10, 30, 30, 50), np.ones((20, 20), bool), "Test")
    bench.settle()
    switch(bench)
    show(bench)
    writers = bench.session.document.annotation.writers
    assert set(writers[10:30, 30:50].ravel().tolist()) == {UNKNOWN}
    assert seen(bench, 40, 20) == (0, 0, 0)  # inside it has no colour
    viewport = bench.window.canvas.viewport
    picture = viewport.grab().toImage()
    (left, top), (right, _) = (viewport.to_screen((x, 10)) for x in (30, 50))
    edge = [picture.pixelColor(x, round(top)).lightness() for x in range(round(left), round(right))]
    assert max(edge) == 255  # the dashes along its upper edge
    entries = bench.window.findChild(LegendBar).legend.entries
    assert [e.text for e in entries if e.dashed] == ["labelled"]


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
