"""A window that only looks at a folder: the tools are locked and say why."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest


def test_the_tools_are_locked_and_say_why(bench):
    commands, session = bench.window.commands, bench.session
    session.set_view(tool="brush")
    bench.settle()
    assert commands["tool.brush"].isEnabled()
    commands.run("file.read_only")
    bench.settle()
    assert commands["file.read_only"].isChecked()
    for locked in ("tool.brush", "tool.eraser", "tool.polygon", "tool.fill", "edit.clear"):
        assert not commands[locked].isEnabled(), locked
    assert "read-only" in commands["tool.brush"].toolTip()
    assert commands["tool.pan"].isEnabled()
    assert "(read-only)" in bench.window.windowTitle()
    before = np.array(session.document.annotation.labels)
    viewport = bench.window.canvas.viewport
    x, y = viewport.to_screen((20, 20))
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=QPoint(int(x), int(y)))
    assert np.array_equal(session.document.annotation.labels, before)
    assert "read-only" in bench.studio.notices.recent[-1].message
    commands.run("file.read_only")
    bench.settle()
    assert commands["tool.brush"].isEnabled()
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=QPoint(int(x), int(y)))
    bench.settle()
    assert session.document.history.can_undo
