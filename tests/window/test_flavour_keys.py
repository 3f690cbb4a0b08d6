"""The three ways to look at objects in the window: key, menu, tool bar, settings, what is said."""

from __future__ import annotations

from PySide6.QtCore import Qt

from segstudio.session.session import Flavour, Layer


def run_model(bench, model: str) -> None:
    bench.studio.segmenting.choose(model)
    bench.studio.segmenting.run_current()
    bench.until(lambda: model in bench.session.document.predictions)
    bench.settle()
    bench.session.set_view(layer=Layer.PREDICTION, run=model)
    bench.settle()


def said(bench) -> str:
    bench.window.canvas._fill_headers()
    return bench.window.canvas.panes[0].header.name.said.whole


def test_one_key_goes_through_the_three(bench, folder):
    bench.open(folder)
    run_model(bench, "fake-instance")
    seen = []
    for _ in range(3):
        seen.append(said(bench).rpartition(" ")[2])
        bench.qtbot.keyClick(bench.window.canvas, Qt.Key.Key_S)
        bench.settle()
    assert seen == ["panoptic", "semantic", "instance"]
    assert bench.session.view.flavour is Flavour.PANOPTIC
    assert not bench.studio.notices.shown


def test_menu_and_chooser_show_and_choose_it(bench, folder):
    bench.window.resize(1700, 900)
    bench.open(folder)
    chooser = bench.window.view_controls.flavour
    assert not chooser.isVisible()  # nothing has objects yet
    run_model(bench, "fake-instance")
    assert chooser.isVisible()
    bench.window.commands["flavour.instance"].trigger()
    assert chooser.currentText() == "Instance"
    assert bench.window.commands["flavour.instance"].isChecked()
    chooser.setCurrentIndex(0)
    chooser.activated.emit(0)
    assert bench.session.view.flavour is Flavour.SEMANTIC
    assert bench.studio.settings.flavour == "panoptic"
    bench.studio._keep_settings()
    assert bench.studio.settings.flavour == "semantic"


def test_where_room_is_short_the_chooser_sends_nothing_else_away(bench, folder):
    bench.window.resize(1280, 800)
    bench.open(folder)
    run_model(bench, "fake-instance")
    controls = bench.window.view_controls
    assert controls.opacity.isVisible()
    assert controls.row.in_drawer == ()


def test_a_prediction_without_objects_says_so(bench, folder):
    bench.open(folder)
    run_model(bench, "fake-semantic")
    bench.qtbot.keyClick(bench.window.canvas, Qt.Key.Key_S)
    bench.settle()
    name = bench.session.document.ref.title
    (notice,) = [shown.notice for shown in bench.studio.notices.shown]
    assert notice.message == (
        f"The prediction of {name} by Fake U-Net has classes alone, no objects: "
        "choose an instance or panoptic model."
    )
