"""The dialog of all weights: what it lists, and what its buttons and keys do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from windows import FakeEngine

from segstudio.core.prediction import WeightsFile
from segstudio.models.weights import weights_folder
from segstudio.runs.ui.downloads_dialog import DownloadsDialog

LEFT = Qt.MouseButton.LeftButton


class SlowEngine(FakeEngine):
    """Its second model's weights arrive once the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        spec = self._specs["fake-instance"]
        file = WeightsFile("far.bin", "http://weights.invalid/far.bin", "", 2000)
        self._specs["fake-instance"] = replace(spec, weights=file, licence="MIT")
        near = self._specs["fake-semantic"]
        self._specs["fake-semantic"] = replace(
            near, embedded=True, weights=WeightsFile("near.bin", size=1000)
        )

    def is_available(self, spec) -> bool:
        return spec.embedded or (weights_folder() / "far.bin").exists()

    def download(self, spec, check, report) -> None:
        report(500, 2000, "")
        while not self.gate.wait(0.01):
            check()
        weights_folder().mkdir(parents=True, exist_ok=True)
        (weights_folder() / "far.bin").write_bytes(bytes(2000))


@pytest.fixture
def bench(make_window, folder):
    made = make_window(engine=SlowEngine())
    made.open(folder)
    return made


@pytest.fixture
def dialog(bench):
    bench.window.commands.run("model.downloads")
    bench.settle(20)
    (found,) = (
        w
        for w in QApplication.topLevelWidgets()
        if isinstance(w, DownloadsDialog) and w.isVisible()
    )
    yield found
    found.close()


def states(dialog) -> list[str]:
    return [row.text for row in dialog.table.model().rows]


def test_it_begins_with_what_can_be_fetched(dialog):
    # two networks that answer points can be fetched, too
    assert states(dialog) == ["built in", *["not on disk"] * 3]
    assert dialog.chosen.spec.id == "fake-instance"
    assert "From http://weights.invalid/far.bin." in dialog.note.text()
    assert str(weights_folder()) in dialog.note.text()
    enabled = (dialog.fetch, dialog.stop, dialog.check, dialog.delete)
    assert [b.isEnabled() for b in enabled] == [True, False, False, False]
    assert not dialog.isModal()


def test_fetching_stopping_and_deleting_by_its_buttons(bench, dialog, monkeypatch):
    bench.engine.gate.clear()
    dialog.fetch.setFocus()
    QTest.mouseClick(dialog.fetch, LEFT)
    bench.until(lambda: states(dialog)[1].startswith("25 %, "))
    assert dialog.chosen.share == 0.25
    assert dialog.focusWidget() is dialog.stop
    QTest.mouseClick(dialog.stop, LEFT)
    bench.until(lambda: states(dialog)[1] == "not on disk")
    bench.engine.gate.set()
    QTest.mouseClick(dialog.fetch, LEFT)
    bench.until(lambda: states(dialog)[1] == "on disk")
    assert "fake-instance" in bench.session.model.available
    bench.until(lambda: dialog.delete.isEnabled())
    assert dialog.total.text().endswith("downloaded")
    asked = []

    def cancelled(box):
        asked.append(box.text())
        return 0

    monkeypatch.setattr(QMessageBox, "exec", cancelled)
    QTest.mouseClick(dialog.delete, LEFT)
    assert asked == ["Delete the weights of Fake Mask R-CNN?"]
    assert (weights_folder() / "far.bin").exists()
    monkeypatch.setattr(
        "segstudio.runs.ui.downloads_dialog.DownloadsDialog._may_delete", lambda *a: True
    )
    QTest.mouseClick(dialog.delete, LEFT)
    bench.until(lambda: states(dialog)[1] == "not on disk")
    assert not (weights_folder() / "far.bin").exists()
    assert "fake-instance" not in bench.session.model.available
