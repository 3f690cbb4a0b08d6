"""What docs/architecture.md says of adding things: a file of its own and a row of a table each."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QToolBar, QToolButton

from segstudio.annotation.ui.tools import table as tools
from segstudio.canvas.tool import Tool
from segstudio.kit.actions import ActionSpec
from segstudio.window import panels
from segstudio.window.cheat_sheet import CheatSheet
from segstudio.window.panels import Area, PanelSpec


class StampTool(Tool):
    """A click gives a square the active class."""

    name, title, icon, shortcut = "stamp", "Stamp", "square-dashed", "Q"
    tip = "Give a square the active class"
    gestures = (("Click, with the stamp", "Paint a square"),)
    half = 2
    options = (
        ActionSpec(
            "stamp.large", "Tools", "Large stamp", lambda _c: StampTool.grow(), "maximize",
            checked=lambda _c: StampTool.half > 2, section=1,
        ),
    )  # fmt: skip

    @classmethod
    def grow(cls) -> None:
        cls.half = 4

    def press(self, pointer) -> None:
        x, y = pointer.pixel
        low, high = -self.half, self.half
        corners = ((low, low), (high, low), (high, high), (low, high))
        self.host.editing.paint_polygon([(x + dx, y + dy) for dx, dy in corners])


def test_a_tool_is_a_class_and_a_row(make_window, folder, monkeypatch, qtbot):
    monkeypatch.setattr(tools, "TOOLS", (*tools.TOOLS, StampTool))
    monkeypatch.setattr(StampTool, "half", 2)
    bench = make_window()
    bench.open(folder)
    window, session = bench.window, bench.session
    button = window.findChild(QToolBar, "bar.tools").widgetForAction(window.commands["tool.stamp"])
    assert button.toolTip().startswith("<b>Stamp</b> (Q)")
    option = next(b for b in window.header.findChildren(QToolButton) if b.text() == "Large stamp")
    assert not option.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_Q)
    assert session.view.tool == "stamp"
    bench.until(option.isVisible)
    assert button.isChecked()

    session.set_view(active_class=2)
    before = np.array(session.document.annotation.labels)

    def changed_by_click() -> int:
        QTest.mouseClick(
            window.canvas.viewport, Qt.MouseButton.LeftButton,
            pos=window.canvas.viewport.rect().center() + QPoint(-30, -30),
        )  # fmt: skip
        return int((session.document.annotation.labels != before).sum())

    assert changed_by_click() == 16
    bench.until(window.commands["edit.undo"].isEnabled)
    window.commands.run("edit.undo")
    assert np.array_equal(session.document.annotation.labels, before)
    option.click()
    assert option.isChecked()
    assert changed_by_click() == 64

    sheet = CheatSheet(window.commands, window)
    qtbot.addWidget(sheet)
    assert {("Click, with the stamp", "Paint a square"), ("Q", "Stamp")} <= set(sheet.lines)
    qtbot.keyClick(window, Qt.Key.Key_B)
    bench.until(lambda: not option.isVisible())
    bench.studio.folder_claim.set_read_only(read_only=True)
    bench.until(lambda: not window.commands["tool.stamp"].isEnabled())


class ShareLabel(QLabel):
    """How much of the open image is labelled."""

    def __init__(self, session) -> None:
        super().__init__()
        self._session = session
        session.changed.connect(self._show)
        self._show()

    def _show(self, _change=None) -> None:
        document = self._session.document
        if document is not None:
            self.setText(f"{np.count_nonzero(document.annotation.labels)} labelled")


def _load_share():
    return lambda _window, studio: ShareLabel(studio.session)


def _labelled(bench) -> str:
    return f"{np.count_nonzero(bench.session.document.annotation.labels)} labelled"


def test_a_panel_is_a_widget_and_a_row(make_window, folder, monkeypatch, qtbot):
    row = PanelSpec(
        "Share", _load_share, height=90, icon="chart-column", keys=("Ctrl+J",), tip="So"
    )
    monkeypatch.setattr(panels, "PANELS", (*panels.PANELS, row))
    bench = make_window()
    bench.open(folder)
    window, docks = bench.window, bench.window.docks
    label = next(panel for panel in docks.panels() if isinstance(panel, ShareLabel))
    assert label.isVisible()
    assert label.text() == _labelled(bench)
    bench.studio.editing.clear()
    assert label.text() == "0 labelled"
    docks_below = docks.by_name["Share"].geometry()
    assert docks_below.top() > docks.by_name["Metrics"].geometry().bottom()
    assert window.commands["panel.share"].toolTip() == "<b>Share panel</b> (Ctrl+J)<br>So"
    qtbot.keyClick(window, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert not docks.shown("Share")
    window.commands.run("view.reset_layout")
    assert docks.shown("Share")


def test_a_panel_on_demand_is_built_when_it_is_opened(make_window, folder, monkeypatch):
    loads = []

    def load():
        loads.append(1)
        return _load_share()

    row = PanelSpec("Share", load, Area.BottomDockWidgetArea, tabbed_with="Network", on_demand=True)
    monkeypatch.setattr(panels, "PANELS", (*panels.PANELS, row))
    bench = make_window()
    bench.open(folder)
    assert not bench.window.docks.shown("Share")
    assert loads == []
    for _ in range(3):
        bench.window.commands.run("panel.share")
    bench.until(lambda: any(isinstance(p, ShareLabel) for p in bench.window.docks.panels()))
    assert loads == [1]
    assert bench.window.docks.by_name["Share"].findChild(ShareLabel).text() == _labelled(bench)
