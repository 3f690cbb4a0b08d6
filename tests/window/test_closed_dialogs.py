"""A dialog that was closed is gone, and nothing calls it any more."""

from __future__ import annotations

import gc
import importlib
import pkgutil
import re
import weakref
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QMenu,
    QMessageBox,
    QPushButton,
    QWidget,
)

import segstudio.kit
from segstudio.annotation.ui.recovery_dialog import RecoveryDialog
from segstudio.kit.dialog import Dialog
from segstudio.runs.ui.new_run_dialog import NewRunDialog
from segstudio.storage.journal import Recovered

BY_COMMAND = {
    "AboutDialog": "help.about",
    "CheatSheet": "help.keys",
    "DownloadsDialog": "model.downloads",
    "EnsembleDialog": "runs.ensemble",
    "ExportDialog": "file.export",
    "MappingDialog": "evaluation.mapping",
    "MasksDialog": "file.masks",
    "PixelSizeDialog": "image.pixel_size",
    "RunDialog": "runs.new",
    "SettingsDialog": "file.settings",
    "ShortcutEditor": "file.shortcuts",
    "SideBySideDialog": "compare.models",
    "TidyDialog": "regions.tidy",
    "TruthDialog": "file.truth",
}
OTHERWISE = {
    "ExportReportDialog", "IgnoredClassDialog", "RecoveryDialog", "RemoveClassDialog",
    "VersionsDialog", "WeightsForm",
}  # fmt: skip
"""Opened by tests of their own, here or beside what they are about."""


def kinds_of_dialogs() -> set[type[QDialog]]:
    for module in pkgutil.walk_packages(segstudio.__path__, "segstudio."):
        if {"canvas", "kit", "ui", "window"}.intersection(module.name.split(".")):
            importlib.import_module(module.name)
    found, waiting = set(), [QDialog]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            is_base = kind in (Dialog, NewRunDialog)
            if kind.__module__.startswith("segstudio.") and not is_base:
                found.add(kind)
    return found


def sweep():
    """Delete what asked for it, as the event loop does, and what only holds itself."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()


def dialogs(window):
    return window.findChildren(QDialog)


def listeners(bench):
    signals = (bench.session.changed, bench.studio.jobs.changed, bench.studio.notices.changed)
    return [len(signal) for signal in signals]


@pytest.fixture
def opened(bench):
    sweep()
    return bench


def test_every_kind_of_dialog_is_one_that_is_deleted_when_closed_and_is_tried_here():
    kinds = kinds_of_dialogs()
    assert all(issubclass(kind, Dialog) for kind in kinds)
    assert {kind.__name__ for kind in kinds} == BY_COMMAND.keys() | OTHERWISE


def test_no_message_box_is_asked_but_by_the_function_that_deletes_it():
    root = Path(segstudio.kit.__file__).parents[1]
    asking = {
        path.name for path in root.rglob("*.py") if re.search(r"\bbox\.exec\(", path.read_text())
    }
    assert asking == {"dialog.py"}


def test_a_closed_dialog_is_gone_and_listens_to_nothing(opened):
    before = listeners(opened)
    for name, command in BY_COMMAND.items():
        for way in ("reject", "close"):
            opened.window.commands.run(command)
            (dialog,) = dialogs(opened.window)
            assert type(dialog).__name__ == name
            alive = weakref.ref(dialog)
            getattr(dialog, way)()
            # at once: until it is deleted it must not hear of anything either
            assert listeners(opened) == before, name
            del dialog
            # a job that looks something up for it may hold it until its result arrives
            opened.until(lambda: opened.studio.jobs.wait_idle(0))
            opened.until(lambda alive=alive: sweep() or alive() is None)
            assert dialogs(opened.window) == [], name
            assert listeners(opened) == before, name


def test_enter_presses_the_button_that_was_meant(opened):
    meant = {
        "file.truth": "Use",
        "file.export": "Export",
        "file.masks": "OK",
        "runs.new": "Create and run",
        "compare.models": "Run",
    }
    found = {}
    for command in meant:
        opened.window.commands.run(command)
        (dialog,) = dialogs(opened.window)
        found[command] = [b.text() for b in dialog.findChildren(QPushButton) if b.isDefault()]
        dialog.reject()
        opened.until(lambda: not all_now(opened))
    assert found == {command: [text] for command, text in meant.items()}


def test_the_report_of_an_export_is_gone_too(opened, tmp_path):
    opened.window.commands.run("file.export")
    (dialog,) = dialogs(opened.window)
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.start.click()
    del dialog
    opened.until(lambda: any(type(d).__name__ == "ExportReportDialog" for d in all_now(opened)))
    (report,) = all_now(opened)
    report.close()
    del report
    sweep()
    assert dialogs(opened.window) == []


def all_now(bench):
    sweep()
    return dialogs(bench.window)


def test_a_preview_that_comes_after_the_dialog_was_closed_harms_nothing(qtbot):
    parent, wanted = QWidget(), []
    qtbot.addWidget(parent)
    items = [Recovered(Path("/data/a.png"), 3, 1e9, (4, 6), False, ())]
    dialog = RecoveryDialog(items, None, lambda _item, done: wanted.append(done), parent)
    dialog.open()
    dialog.reject()
    sweep()
    assert dialogs(parent) == []
    wanted[0](np.zeros((4, 6, 3), np.uint8))


def test_a_question_is_gone_once_it_is_answered(opened):
    def answer():
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        box.button(QMessageBox.StandardButton.Cancel).click()

    QTimer.singleShot(0, answer)
    assert opened.window.verbs.ask_unsaved(opened.session.document) == "cancel"
    QTimer.singleShot(0, answer)
    assert not opened.window.verbs._confirm("Really?", "", "Yes")
    sweep()
    assert opened.window.findChildren(QMessageBox) == []


def test_a_menu_at_the_pointer_is_gone_once_it_is_closed(opened):
    images = opened.window.images
    before = len(images.findChildren(QMenu))
    images._show_menu(images.view.visualRect(images.model.index(0, 0)).center())
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    menu.close()
    sweep()
    assert len(images.findChildren(QMenu)) == before
