"""How objects are coloured, in the window: key, menu, tool bar, settings, what is said."""

from __future__ import annotations

from PySide6.QtCore import Qt

from segstudio.session.session import Flavour, Layer, OverlayStyle


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
        seen.append(said(bench).rpartition("\u00b7 ")[2])
        bench.qtbot.keyClick(bench.window.canvas, Qt.Key.Key_S)
        bench.settle()
    assert seen == ["by object", "by class", "by both"]
    assert bench.session.view.flavour is Flavour.INSTANCE
    assert not bench.studio.notices.shown


def test_menu_and_chooser_show_and_choose_it(bench, folder):
    bench.open(folder)
    chooser = bench.window.view_controls.colours
    run_model(bench, "fake-instance")
    assert chooser.isVisible()
    assert [chooser.itemText(i) for i in range(chooser.count())] == [
        "By object", "By class", "By both", "Outlines",
    ]  # fmt: skip
    bench.window.commands["flavour.panoptic"].trigger()
    assert chooser.currentText() == "By both"
    assert bench.window.commands["flavour.panoptic"].isChecked()
    pick(chooser, "By class")
    assert bench.session.view.flavour is Flavour.SEMANTIC
    assert bench.studio.settings.flavour == "instance"
    bench.studio._keep_settings()
    assert bench.studio.settings.flavour == "semantic"


def pick(chooser, text: str) -> None:
    chooser.setCurrentIndex(chooser.findText(text))
    chooser.activated.emit(chooser.currentIndex())


def test_outlines_alone_and_back_to_colours_filled(bench, folder):
    bench.open(folder)
    chooser = bench.window.view_controls.colours
    pick(chooser, "Outlines")
    assert bench.session.view.style is OverlayStyle.OUTLINE
    assert bench.session.view.flavour is Flavour.INSTANCE
    bench.settle()
    assert chooser.currentText() == "Outlines"
    pick(chooser, "By class")
    assert bench.session.view.style is OverlayStyle.BOTH
    assert bench.session.view.flavour is Flavour.SEMANTIC
    assert chooser.currentText() == "By class"


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
