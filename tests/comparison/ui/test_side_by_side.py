"""Views side by side in the real window: bar, keys, headers, the dialog."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QToolButton, QToolTip

from segstudio.canvas.legend_bar import LegendBar
from segstudio.comparison.ui.side_by_side_dialog import SideBySideDialog
from segstudio.metrics.tally import lead_iou, metrics_of
from segstudio.session.session import Layer, Pane, What

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SHIFT_CONTROL = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
SEMANTIC, INSTANCE = "fake-semantic", "fake-instance"


@pytest.fixture
def both(bench):
    """Both fake models have run and have a view each."""
    bench.studio.comparing.run_side_by_side([SEMANTIC, INSTANCE])
    bench.until(lambda: len(bench.session.document.predictions) == 2)
    bench.until(lambda: len(bench.session.counts) == 2)
    bench.settle()
    return bench


def header(bench, number: int):
    return bench.window.canvas.panes[number].header


def pick(bench, number: int, *texts: str, right: bool = False) -> None:
    """As a user does: click on the name of a view, and on an entry of its menu."""
    found = header(bench, number)
    QTest.mouseClick(found.other if right else found.name, LEFT)
    menu = QApplication.activePopupWidget()
    for text in texts[:-1]:
        menu = next(a for a in menu.actions() if a.text() == text).menu()
    action = next(a for a in menu.actions() if a.text() == texts[-1])
    action.trigger()
    QApplication.activePopupWidget().close()
    bench.settle()


def choose(combo, value) -> None:
    """As a user does: open the list, take an entry."""
    row = combo.findData(value)
    assert row >= 0, [combo.itemData(i) for i in range(combo.count())]
    combo.setCurrentIndex(row)
    combo.activated.emit(row)


def test_the_bar_and_the_key_choose_the_layout(bench):
    button = bench.window.bar.widgetForAction(bench.window.commands["layout.4"])
    assert isinstance(button, QToolButton)
    QTest.mouseClick(button, LEFT)
    bench.until(lambda: len(bench.window.canvas.shown_panes) == 4)
    bench.until(button.isChecked)
    viewport = bench.window.canvas.viewport
    viewport.setFocus()
    for count in (1, 2):
        QTest.keyClick(viewport, Qt.Key.Key_C)
        bench.until(lambda count=count: len(bench.window.canvas.shown_panes) == count)
    assert header(bench, 1).isVisible()
    QTest.mouseClick(bench.window.bar.widgetForAction(bench.window.commands["layout.1"]), LEFT)
    assert header(bench, 0).isVisible()  # with one view, too


def test_headers_say_model_and_score_and_mark_the_best(both):
    names = [header(both, number).name.said.whole for number in (0, 1)]
    assert names == ["Fake U-Net", "Fake Mask R-CNN · by object"]
    assert [header(both, number).name.shown for number in (0, 1)] == [
        "U-Net", "Mask R-CNN · by object",
    ]  # fmt: skip
    legend = both.window.findChild(LegendBar)
    assert legend.isVisible()
    assert legend.legend.names == "Fake"
    scores = both.studio.comparing.scores()
    for number in (0, 1):
        assert header(both, number).score.shown == f"{scores[number].mean_iou:.3f}"
        assert header(both, number).score.words.best is scores[number].best
    assert [score.best for score in scores].count(True) == 1


def test_classes_and_list_show_the_figures_of_the_view_that_was_clicked_on(both):
    schema, index = both.session.schema, both.session.index
    runs = (SEMANTIC, INSTANCE)
    found = [metrics_of(both.session.counts[index, run], schema) for run in runs]
    assert found[0].mean_iou != found[1].mean_iou
    for number, name in ((1, "Mask R-CNN"), (0, "U-Net")):
        QTest.mouseClick(both.window.canvas.panes[number].viewport, LEFT, pos=QPoint(40, 60))
        both.settle()
        classes = both.window.classes
        assert name in classes.header.note.toolTip()
        lead = both.studio.scoring.lead_of(index)
        assert f">{lead:.3f}<" in classes.means.text()  # the list and the panel say the same
        assert lead == pytest.approx(lead_iou(found[number], schema))


def test_commands_on_the_prediction_are_about_the_view_at_hand(both):
    document = both.session.document
    labels = {run: document.predictions[run].labels.copy() for run in (SEMANTIC, INSTANCE)}
    assert (labels[SEMANTIC] != labels[INSTANCE]).any()
    for number, run in ((1, INSTANCE), (0, SEMANTIC)):
        viewport = both.window.canvas.panes[number].viewport
        QTest.mouseMove(viewport, QPoint(40, 60))
        QTest.mouseClick(viewport, LEFT, pos=QPoint(41, 60))
        QTest.keyClick(viewport, Qt.Key.Key_U, SHIFT_CONTROL)
        both.settle()
        assert (document.annotation.labels == labels[run]).all()
    QTest.mouseMove(viewport := both.window.canvas.panes[1].viewport, QPoint(40, 60))
    QTest.mouseClick(viewport, LEFT, pos=QPoint(41, 60))
    both.window.commands["model.remove_prediction"].trigger()
    both.settle()
    assert list(document.predictions) == [SEMANTIC]
    before = document.annotation.revision
    QTest.keyClick(viewport, Qt.Key.Key_U, SHIFT_CONTROL)
    both.settle()
    assert document.annotation.revision == before
    assert "Fake Mask R-CNN has not run on field_0.png." in both.window.notices.text


def test_a_header_chooses_layer_and_prediction_of_its_view(both):
    pick(both, 1, "Fake U-Net")
    assert both.session.view.panes == (Pane(Layer.BOTH, SEMANTIC),)
    pick(both, 1, "Difference of models")
    assert both.session.view.panes[0].layer is Layer.MODELS
    assert header(both, 1).name.said.whole == "Fake U-Net against Fake Mask R-CNN"
    pick(both, 1, "Against", "Fake U-Net")
    assert both.session.view.panes[0].second == SEMANTIC
    pick(both, 1, "Photo only")
    assert both.session.view.panes[0].layer is Layer.NONE
    assert both.session.view.layer is Layer.BOTH
    pick(both, 0, "Entropy")
    assert both.session.view.layer is Layer.ENTROPY


def test_a_model_that_waits_is_said_to_run_and_one_that_has_not_run_can_be_run(both):
    bench = both
    bench.engine.gate.clear()
    bench.studio.browsing.select(1)
    bench.until(lambda: bench.session.index == 1 and bench.session.document is not None)
    bench.until(lambda: header(bench, 1).score.shown == "not run")
    assert header(bench, 1).run.isVisible()
    assert header(bench, 1).name.said.whole == "Fake Mask R-CNN"
    QTest.mouseClick(header(bench, 1).name, LEFT)
    menu = QApplication.activePopupWidget()
    offered = {a.text() for a in menu.actions() if "not run" in a.text()}
    menu.close()
    assert offered == {"Fake Mask R-CNN  (not run yet)", "Fake U-Net  (not run yet)"}
    QTest.mouseClick(header(bench, 1).run, LEFT)
    bench.until(lambda: header(bench, 1).score.shown.startswith("running"))
    bench.engine.gate.set()
    bench.until(lambda: INSTANCE in bench.session.document.predictions)
    bench.until(lambda: "0." in header(bench, 1).score.shown)


def test_the_layer_key_and_the_bar_act_on_the_view_at_hand(both):
    canvas = both.window.canvas
    second = canvas.panes[1].viewport
    QTest.mouseMove(second, QPoint(20, 20))
    QTest.mouseMove(second, QPoint(24, 24))
    second.setFocus()
    QTest.keyClick(second, Qt.Key.Key_T)
    assert both.session.view.panes[0].layer is Layer.DIFFERENCE
    assert both.session.view.layer is Layer.BOTH
    QTest.mouseClick(second, LEFT, NONE, QPoint(24, 24))
    both.settle()
    assert both.window.view_controls.layer.currentData() == "difference"
    choose(both.window.view_controls.layer, "confidence")
    assert both.session.view.panes[0].layer is Layer.CONFIDENCE
    QTest.mouseClick(header(both, 0), LEFT, NONE, QPoint(header(both, 0).width() // 2, 12))
    both.settle()
    assert both.window.view_controls.layer.currentData() == "both"


def test_the_status_bar_tells_the_prediction_of_the_view_under_the_pointer(both):
    canvas = both.window.canvas
    labels = both.window.status.findChildren(QLabel)
    predicted = next(label for label in labels if label.accessibleName() == "Predicted class")
    for number, expected in enumerate(("class 1", "background")):
        viewport = canvas.panes[number].viewport
        x, y = viewport.to_screen((44.5, 20.5))  # red is 220: bright, but no instance
        QTest.mouseMove(viewport, QPoint(int(x) + 4, int(y)))
        QTest.mouseMove(viewport, QPoint(int(x), int(y)))
        both.until(lambda expected=expected: predicted.text().startswith(expected))


def test_the_wipe_in_the_menu_and_by_its_key_names_both_sides(both):
    wipe = "Wipe: two layers beside a line (Shift+C)"
    pick(both, 1, wipe)
    assert both.session.view.wiped == 1
    assert header(both, 1).other.isVisible()
    pick(both, 1, "Photo only", right=True)
    assert both.session.view.against.layer is Layer.NONE
    pick(both, 1, wipe)
    both.studio.comparing.set_layout(1)
    viewport = both.window.canvas.viewport
    both.window.activateWindow()  # this platform gives it up to the menu for good
    both.until(both.window.isActiveWindow)
    viewport.setFocus()
    for wiped in (0, -1):
        QTest.keyClick(viewport, Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
        both.settle()
        assert both.session.view.wiped == wiped
        both.until(lambda wiped=wiped: header(both, 0).other.isVisible() == (wiped == 0))


def test_the_dialog_runs_what_is_checked(bench, qtbot):
    bench.window.commands["compare.models"].trigger()
    dialog = bench.window.findChild(SideBySideDialog)
    assert dialog.isVisible()
    assert dialog.checked == [SEMANTIC]
    assert dialog.go.text() == "Run"
    dialog.list.item(1).setCheckState(Qt.CheckState.Checked)
    assert dialog.count.text() == "2 of 6 chosen"
    dialog.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    dialog.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    assert not dialog.go.isEnabled()
    for row in (0, 1):
        dialog.list.item(row).setCheckState(Qt.CheckState.Checked)
    QTest.mouseClick(dialog.go, LEFT)
    bench.until(lambda: len(bench.session.document.predictions) == 2)
    assert [pane.run for pane in bench.session.view.all_panes] == [SEMANTIC, INSTANCE]


def test_the_dialog_offers_to_show_what_has_run(both, qtbot):
    dialog = SideBySideDialog(both.session, both.studio.comparing)
    qtbot.addWidget(dialog)
    assert dialog.checked == [SEMANTIC, INSTANCE]
    assert dialog.go.text() == "Show"
    dialog.again.setChecked(True)
    assert dialog.go.text() == "Run"
    with qtbot.waitSignal(dialog.chosen) as chosen:
        QTest.mouseClick(dialog.go, LEFT)
    assert chosen.args == [[SEMANTIC, INSTANCE], True]


def test_on_the_next_image_the_dialog_asks_for_the_models_of_the_views(both, qtbot):
    both.studio.browsing.select(1)
    both.until(lambda: both.session.index == 1 and both.session.document is not None)
    dialog = SideBySideDialog(both.session, both.studio.comparing)
    qtbot.addWidget(dialog)
    assert dialog.checked == [SEMANTIC, INSTANCE]
    assert dialog.go.text() == "Run"


def test_what_is_to_be_known_of_a_prediction_is_marked_and_told(both):
    text = "Memory ran out on cuda, so it ran on the CPU."
    predictions = both.session.document.predictions
    assert header(both, 1).notes.isHidden()
    predictions[INSTANCE] = replace(predictions[INSTANCE], notes=(text, "Cut into 4 tiles."))
    both.session.notify(What.PREDICTIONS)
    both.until(header(both, 1).notes.isVisible)
    assert header(both, 0).notes.isHidden()
    QTest.mouseClick(header(both, 1).notes, LEFT)
    assert QToolTip.text() == f"<p>{text}</p><p>Cut into 4 tiles.</p>"
    QToolTip.hideText()
    both.studio.comparing.choose(1, layer=Layer.NONE)  # which is of no prediction
    both.until(header(both, 1).notes.isHidden)
    alone = header(both, 0).notes
    assert alone.isHidden()
    both.studio.comparing.set_layout(1)
    both.studio.segmenting.show(INSTANCE)
    both.until(alone.isVisible)
    assert text in alone.accessibleDescription()
    both.until(lambda: not QToolTip.isVisible())


def test_the_dialog_lists_named_runs_first_and_what_is_to_be_downloaded_last(bench, qtbot):
    run = bench.studio.named_runs.add_variant("Sharp", INSTANCE, score_threshold=0.9)
    model = bench.session.model
    bench.session.model = replace(model, available=model.available - {SEMANTIC})
    dialog = SideBySideDialog(bench.session, bench.studio.comparing)
    qtbot.addWidget(dialog)
    texts = [dialog.list.item(row).text() for row in range(dialog.list.count())]
    assert texts == ["Sharp", "Fake Mask R-CNN", "Fake U-Net   (to be downloaded)"]
    assert run in bench.session.models


def test_the_bar_leads_to_the_choice_of_models_with_one_click(bench):
    button = bench.window.bar.widgetForAction(bench.window.commands["compare.models"])
    assert isinstance(button, QToolButton)
    assert button.isVisible()
    QTest.mouseClick(button, LEFT)
    dialog = bench.window.findChild(SideBySideDialog)
    assert dialog.isVisible()
    dialog.close()


def test_the_dialog_shows_which_model_the_keys_are_at(bench):
    bench.window.commands["compare.models"].trigger()
    dialog = bench.window.findChild(SideBySideDialog)
    models, seen = dialog.list, []
    for _ in range(2):
        picture = models.viewport().grab().toImage()
        rims = [models.visualItemRect(models.item(row)) for row in (0, 1)]
        seen.append([picture.pixelColor(r.right() - 4, r.center().y()).name() for r in rims])
        QTest.keyClick(models, Qt.Key.Key_Down)
    (first, rest), below = seen[0], seen[1]
    assert first != rest
    assert below == [rest, first]
    QTest.keyClick(models, Qt.Key.Key_Space)
    assert dialog.checked == [SEMANTIC, INSTANCE]
    dialog.close()
