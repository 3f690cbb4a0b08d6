"""Every control of every room, page and dialog: its name, its tip, and its ring by keyboard."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from controls import controls, told, wants
from network_desk import closed_desk, traced
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QDialog, QWidget
from tiny_networks import SHUFFLE, UNET, TinyEngine
from windows import write_pictures

from segstudio.annotation.ui.tools.tool_table import TOOLS
from segstudio.inspection.ui.network_pages import (
    ATTENTION,
    CUTS,
    PROPOSALS,
    SKIP,
    STAGE,
    TWO_MODELS,
    UPSAMPLING,
    WHY,
)
from segstudio.runs.ui.weights_form import WeightsForm
from segstudio.training.trainings import NewTraining
from segstudio.window.help_window import HelpWindow

TRAINER = Path(__file__).parents[1] / "support" / "fake_trainer.py"

LONG_MS = 120_000
"""The first model loads torch."""
COMMANDS = (
    "file.export", "file.settings", "file.shortcuts", "evaluation.mapping", "file.truth",
    "runs.new", "runs.ensemble", "model.downloads", "compare.models", "file.masks", "help.keys",
    "help.about", "regions.tidy",
)  # fmt: skip


BY_MOUSE = {
    "ViewHeader": "the name in it is a button, which chooses the view, too",
    "PanelHeader": "the name in it is a button, which folds the panel, too; docks are moved by mouse",
    "ScoreText": "it tells; its click chooses the view as the header's does",
    "PictureView": "the views show the same, and keys enlarge them",
}
"""What answers to the mouse alone, and why nobody misses anything there who has no mouse."""


@pytest.fixture(scope="module")
def desk(keep_window, tiny_specs, tmp_path_factory):
    """A window with two models run and evaluated, and all panels of the columns open."""
    folder = write_pictures(tmp_path_factory.mktemp("folder") / "pictures")
    bench = closed_desk(keep_window, TinyEngine(tiny_specs), folder)
    bench.window.resize(1600, 1000)
    bench.seen = set()
    bench.studio.comparing.run_side_by_side([UNET, SHUFFLE])
    bench.until(lambda: len(bench.session.document.predictions) == 2, LONG_MS)
    bench.studio.evaluating.start([UNET, SHUFFLE])
    bench.until(lambda: bench.session.evaluation.done == {UNET: 3, SHUFFLE: 3}, LONG_MS)
    bench.until(lambda: not bench.session.evaluation.running)
    for name in ("Disagreement", "Objects", "Classes", "Model"):
        bench.window.docks.open(name)
    bench.window.classes.show_more(True)
    bench.settle()
    return bench


def lacking(desk, *roots: QWidget) -> list[str]:
    """What the controls below these widgets lack; each control is looked at once."""
    found, count = set(), 0
    for root in roots:
        for control in controls(root):
            count += 1
            if control not in desk.seen:
                desk.seen.add(control)
                wanted = set(wants(control))
                if type(control).__name__ in BY_MOUSE:
                    wanted.discard("not reached by Tab")
                found |= {f"{told(control)}: {what}" for what in wanted}
    assert count
    return sorted(found)


def test_controls_of_bars_columns_and_views(desk):
    assert lacking(desk, desk.window) == []


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_options_of_the_tools(desk, tool):
    desk.session.set_view(tool=tool.name)
    desk.settle()
    assert lacking(desk, desk.window.options, desk.window.tools) == []


@pytest.mark.parametrize("page", range(6))
def test_pages_of_the_evaluation(desk, page):
    desk.window.docks.open("Evaluation")
    desk.until(lambda: desk.window.evaluation.panel is not None)
    desk.window.evaluation.panel.pages.setCurrentIndex(page)
    desk.settle()
    assert lacking(desk, desk.window.docks.room) == []


@pytest.mark.parametrize(
    "page", [STAGE, SKIP, CUTS, WHY, ATTENTION, PROPOSALS, TWO_MODELS, UPSAMPLING]
)
def test_pages_of_the_network(desk, page):
    desk.window.docks.open("Network")
    traced(desk)
    desk.studio.inspecting.pin((5, 5))
    desk.studio.inspecting.open_stage("up1", 0)
    desk.window.network.panel.pages.bring(page)
    desk.settle()
    assert lacking(desk, desk.window.docks.room) == []


def test_the_table_of_the_network(desk):
    desk.window.docks.open("Network")
    traced(desk)
    desk.window.network.panel.structure.show_table(True)
    desk.settle()
    found = lacking(desk, desk.window.docks.room)
    desk.window.network.panel.structure.show_table(False)
    assert found == []


def test_the_form_and_the_pages_of_a_training(desk, tmp_path):
    training, room = desk.studio.training, desk.window.docks.room
    training._command = (sys.executable, str(TRAINER), "held")
    desk.window.activateWindow()
    desk.until(desk.window.isActiveWindow)
    desk.window.docks.open("Training")
    desk.until(lambda: hasattr(desk.window, "training"))
    desk.settle()
    assert lacking(desk, room) == []
    training.start(NewTraining(desk.session.project.root, "pictures"))
    desk.until(lambda: len(training.run.epochs) == 2)
    panel = desk.window.training
    desk.until(lambda: panel.status.stop.isVisible())
    for page in range(panel.header.tabs.count()):
        panel.header.tabs.setCurrentIndex(page)
        assert lacking(desk, room) == []
    training.stop()
    desk.until(lambda: panel.proof.use.text() == "Use Run 1" and training.run.is_done)
    assert lacking(desk, room) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_dialogs(desk, command):
    desk.window.commands.refresh()
    desk.window.commands.run(command)
    dialog = next(d for d in desk.window.findChildren(QDialog) if d.isVisible())
    dialog.activateWindow()
    desk.settle()
    found = lacking(desk, dialog)
    dialog.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    desk.window.activateWindow()
    assert found == []


def test_the_form_of_weights(desk, tiny_specs, tmp_path):
    file = shutil.copy(tiny_specs[UNET].weights.filename, tmp_path / "mine.safetensors")
    desk.studio.own_weights.open(file)

    def forms():
        return [d for d in desk.window.findChildren(WeightsForm) if d.isVisible()]

    desk.until(lambda: bool(forms()), LONG_MS)
    (form,) = forms()
    form.output.kind.setCurrentIndex(1)
    form.resize(form.width(), 1000)
    for kind in ("factor", "short_side", "size"):
        form.input.sizes.kind.setCurrentIndex(form.input.sizes.kind.findData(kind))
        form.activateWindow()
        desk.settle()
        assert lacking(desk, form) == []
    form.reject()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    desk.window.activateWindow()


def test_the_help_window(desk):
    desk.window.commands.run("help.help")
    shown = desk.window.findChildren(HelpWindow)[-1]
    desk.settle()
    found = lacking(desk, shown)
    shown.close()
    assert found == []


def test_the_start_page(make_window, qapp):
    bench = make_window(opens=False)
    bench.until(lambda: bench.window.start.page is not None)
    bench.seen = set()
    bench.settle()
    assert lacking(bench, bench.window) == []
