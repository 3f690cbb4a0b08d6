"""Named runs and ensembles are made in dialogs and are recognised where models are chosen."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from tiny_networks import SHUFFLE, UNET

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import Ensemble, Variant
from segstudio.runs.ui.ensemble_dialog import EnsembleDialog
from segstudio.runs.ui.model_chooser import NAMED
from segstudio.runs.ui.run_dialog import RunDialog
from segstudio.runs.ui.weights_form import WeightsForm

LEFT = Qt.MouseButton.LeftButton
INSTANCE = "fake-instance"


def dialog(bench, kind, action: str):
    """The dialog that an action opens."""
    bench.window.commands.run(action)
    bench.settle(20)
    (found,) = (w for w in QApplication.topLevelWidgets() if type(w) is kind and w.isVisible())
    return found


def click(button) -> None:
    QTest.mouseClick(button, LEFT)


@pytest.fixture
def run_dialog(bench):
    return dialog(bench, RunDialog, "runs.new")


def test_a_run_without_a_difference_cannot_be_made(run_dialog):
    assert not run_dialog.buttons.create_.isEnabled()
    assert run_dialog.note.text().startswith("Change an option")
    QTest.keyClick(run_dialog, Qt.Key.Key_Escape)


def test_the_name_tells_the_options_unless_one_is_typed(bench, run_dialog):
    run_dialog.options.flips.click()
    run_dialog.options.sizes[0.5].click()
    assert run_dialog.title == "Fake U-Net (flips, sizes 0.5 1)"
    # four mirrorings of the image and of a quarter of its pixels
    assert run_dialog.note.text() == (
        "Fake U-Net with mirror images averaged, sizes 0.5 x, 1 x averaged. "
        "About 5 times the work of a plain run."
    )
    QTest.keyClicks(run_dialog.name, "Fake U-Net")
    assert run_dialog.note.text() == "There is a model called Fake U-Net already."
    QTest.keyClicks(run_dialog.name, " twice")
    click(run_dialog.buttons.create_)
    chosen = bench.session.models[bench.session.model.chosen]
    assert chosen.title == "Fake U-Net twice"
    assert chosen.made_of.overrides == {"flips": True, "scales": (0.5, 1.0)}
    assert not bench.session.document.predictions


def test_create_and_run_runs_it_on_the_open_image(bench, run_dialog):
    run_dialog.options.input_scale.setValue(0.5)
    click(run_dialog.buttons.run)
    bench.until(lambda: bool(bench.session.document.predictions))
    assert bench.window.findChildren(RunDialog) == []
    (run,) = bench.session.document.predictions
    assert bench.session.model.chosen.endswith(run.removeprefix("fake-semantic"))


def test_thresholds_are_asked_for_where_they_mean_something(run_dialog):
    options = run_dialog.options
    assert not options.score.isVisible()
    run_dialog.base.setCurrentIndex(run_dialog.base.findData(INSTANCE))
    assert options.score.isVisible()
    options.score.own.click()
    options.score.number.setValue(0.8)
    assert options.overrides == {"score_threshold": 0.8}
    run_dialog.base.setCurrentIndex(run_dialog.base.findData("fake-semantic"))
    assert options.overrides == {}
    options.sizes[1.0].click()
    assert run_dialog.note.text().startswith("Choose at least one size")
    run_dialog.reject()


def test_a_runs_own_threshold_is_shown_and_cannot_be_moved(bench):
    named = bench.studio.named_runs
    run = named.add_variant("Sure", INSTANCE, score_threshold=0.9)
    bench.studio.segmenting.choose(run)
    bench.settle()
    panel = bench.window.model
    assert (panel.score.slider.value(), panel.mask_.slider.value()) == (90, 50)
    assert (panel.score.slider.isEnabled(), panel.mask_.slider.isEnabled()) == (False, True)
    assert panel.about.text().startswith("Fake Mask R-CNN with score threshold 0.9.")
    assert panel.weights.text() == "Weights: those of Fake Mask R-CNN"
    bench.studio.segmenting.choose(INSTANCE)
    bench.settle()
    assert (panel.score.slider.value(), panel.score.slider.isEnabled()) == (50, True)
    assert not panel.remove.isVisible()


def test_a_new_run_starts_from_the_options_of_the_chosen_one(bench):
    run = bench.studio.named_runs.add_variant("Small", INSTANCE, input_scale=0.5)
    bench.studio.segmenting.choose(run)
    shown = dialog(bench, RunDialog, "runs.new")
    assert shown.base.currentData() == INSTANCE
    assert shown.base.findData(run) == -1
    assert shown.options.overrides == {"input_scale": 0.5}
    shown.reject()


def test_an_ensemble_is_made_of_checked_models(bench):
    shown = dialog(bench, EnsembleDialog, "runs.ensemble")
    assert [spec.title for spec in shown.chosen] == ["Fake U-Net"]
    assert not shown.buttons.run.isEnabled()
    assert [item.text() for item in shown.members.selectedItems()] == ["Fake U-Net"]
    QTest.keyClick(shown.members, Qt.Key.Key_Down)
    assert [item.text() for item in shown.members.selectedItems()] == ["Fake Mask R-CNN"]
    QTest.keyClick(shown.members, Qt.Key.Key_Space)
    assert shown.title == "Mean of Fake U-Net + Fake Mask R-CNN"
    shown.vote.click()
    assert shown.title == "Vote of Fake U-Net + Fake Mask R-CNN"
    click(shown.buttons.create_)
    chosen = bench.session.models[bench.session.model.chosen]
    assert isinstance(chosen.made_of, Ensemble)
    assert chosen.made_of.method == "vote"
    assert [member.id for member in chosen.made_of.members] == ["fake-semantic", INSTANCE]


def test_that_a_model_reads_other_channels_is_said_where_the_ensemble_is_made(bench):
    models = bench.session.models
    numbered = replace(models[INSTANCE], preprocess={"channels": [1, 2, 3]})
    bench.session.models = {**models, INSTANCE: numbered}
    shown = dialog(bench, EnsembleDialog, "runs.ensemble")
    rows = [shown.members.item(row) for row in range(shown.members.count())]
    row = next(item for item in rows if item.text() == "Fake Mask R-CNN")
    assert "It reads channels by number" in row.toolTip()
    assert not row.flags() & Qt.ItemFlag.ItemIsEnabled
    shown.reject()
    bench.session.models = models


def test_which_classes_models_do_not_share_is_said_where_the_ensemble_is_made(bench):
    models = bench.session.models
    own = models["fake-semantic"].schema
    others = _renamed(own, "vessel")
    bench.session.models = {**models, INSTANCE: replace(models[INSTANCE], schema=others)}
    shown = dialog(bench, EnsembleDialog, "runs.ensemble")
    rows = [shown.members.item(row) for row in range(shown.members.count())]
    row = next(item for item in rows if item.text() == "Fake Mask R-CNN")
    assert "Fake Mask R-CNN alone knows vessel" in row.toolTip()
    assert not row.flags() & Qt.ItemFlag.ItemIsEnabled
    shown.reject()
    with pytest.raises(SegstudioError, match="alone knows vessel") as told:
        bench.studio.named_runs.add_ensemble("Both", ["fake-semantic", INSTANCE])
    assert "one name" in str(told.value)
    bench.session.models = models


def _renamed(schema, name):
    """The classes with another name for the last."""
    return replace(schema, classes=(*schema.classes[:-1], replace(schema.classes[-1], name=name)))


def test_objects_are_laid_over_classes(bench):
    shown = dialog(bench, EnsembleDialog, "runs.ensemble")
    shown.panoptic.click()
    assert shown.note.text() == "Choose a model that finds objects and one that labels every pixel."
    QTest.keyClick(shown.members, Qt.Key.Key_Down)
    QTest.keyClick(shown.members, Qt.Key.Key_Space)
    assert shown.title == "Panoptic of Fake U-Net + Fake Mask R-CNN"
    click(shown.buttons.create_)
    chosen = bench.session.models[bench.session.model.chosen]
    assert chosen.task == "panoptic"
    assert isinstance(chosen.made_of, Ensemble)
    # whatever the order in the list, the objects come first
    assert [member.id for member in chosen.made_of.members] == [INSTANCE, "fake-semantic"]


def test_named_runs_stand_first_in_the_list_and_say_what_they_are(bench):
    run = bench.studio.named_runs.add_variant("Small", INSTANCE, input_scale=0.5)
    chooser = bench.window.model_chooser
    texts = [chooser.itemText(row) for row in range(chooser.count())]
    assert texts[:2] == [NAMED, "Small"]
    row = chooser.findData(run)
    tip = chooser.itemData(row, Qt.ItemDataRole.ToolTipRole)
    assert tip.startswith("Fake Mask R-CNN with input 0.5 x.")


def test_a_removed_run_can_be_brought_back(bench):
    run = bench.studio.named_runs.add_variant("Small", INSTANCE, input_scale=0.5)
    bench.studio.segmenting.choose(run)
    bench.window.docks.open("Model")
    bench.until(bench.window.model.remove.isVisible)
    bench.until(bench.window.commands["runs.remove"].isEnabled)
    click(bench.window.model.remove)
    assert run not in bench.session.models
    assert bench.session.model.chosen == INSTANCE
    assert not bench.window.commands["runs.remove"].isEnabled()
    text, bring_back = bench.studio.notices.recent[-1].action
    assert text == "Undo"
    bring_back()
    assert bench.session.model.chosen == run


def test_a_file_of_weights_becomes_a_run(make_window, tiny_engine, folder, tmp_path, monkeypatch):
    bench = make_window(engine=tiny_engine)
    bench.open(folder)
    weights = tmp_path / "mine.safetensors"
    shutil.copy(tiny_engine.specs()[SHUFFLE].weights.filename, weights)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(weights), ""))
    shown = dialog(bench, RunDialog, "runs.new")
    assert shown.base.currentData() == UNET
    click(shown.file)
    opened = QApplication.topLevelWidgets
    bench.until(lambda: any(type(w) is WeightsForm for w in opened()), 120_000)
    (form,) = (w for w in QApplication.topLevelWidgets() if type(w) is WeightsForm)
    assert QApplication.activeModalWidget() is None  # nothing keeps it from being used
    click(form.buttons.use)
    bench.until(lambda: shown.base.currentData() == "mine")
    QTest.keyClicks(shown.name, "Mine")
    click(shown.buttons.create_)
    chosen = bench.session.models[bench.session.model.chosen]
    assert isinstance(chosen.made_of, Variant)
    assert chosen.made_of.base.weights.filename == str(weights)
    assert (chosen.id, chosen.title) == (bench.session.model.chosen, "Mine")
