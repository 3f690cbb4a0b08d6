"""What was not painted for a turn is painted once."""

from __future__ import annotations

from collections import Counter

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QListWidget, QVBoxLayout, QWidget

from segstudio.kit.thawing import thaw


class _Paints(QObject):
    def __init__(self, watched: dict[str, QWidget]) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()
        self._names = {widget: name for name, widget in watched.items()}
        for widget in watched.values():
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and watched in self._names:
            self.count[self._names[watched]] += 1
        return False


@pytest.mark.parametrize("at", ["first", "last"])
def test_a_part_is_painted_once_when_it_thaws(qtbot, at):
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    part, other = QWidget(), QLabel("beside it")
    part.setAutoFillBackground(True)
    for widget in (part, other) if at == "first" else (other, part):
        column.addWidget(widget)
    inside = QVBoxLayout(part)
    parts = {"label": QLabel("seen through"), "line": QLineEdit(), "list": QListWidget()}
    for widget in parts.values():
        inside.addWidget(widget)
    window.resize(300, 300)
    window.show()
    qtbot.waitExposed(window)
    QApplication.processEvents()
    places = [widget.geometry() for widget in (part, other)]
    part.setUpdatesEnabled(False)
    paints = _Paints({**parts, "rows": parts["list"].viewport()})
    part.update()
    QApplication.processEvents()
    assert paints.count == {}
    thaw(part)
    qtbot.waitUntil(lambda: len(paints.count) == 4)
    QApplication.processEvents()
    assert paints.count == dict.fromkeys(("label", "line", "list", "rows"), 1)
    assert [widget.geometry() for widget in (part, other)] == places
    assert part.updatesEnabled()
