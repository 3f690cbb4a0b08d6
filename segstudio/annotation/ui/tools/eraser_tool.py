"""The eraser: paints background."""

from __future__ import annotations

from segstudio.annotation.ui.tools.brush_tool import PRESSURE, SQUARE, BrushTool


class EraserTool(BrushTool):
    """A brush that always erases."""

    name, title, icon, shortcut = "eraser", "Eraser", "eraser", "E"
    tip = "Paint background"
    options = (SQUARE, PRESSURE)
    erases = True
    makes_objects = continues_objects = False
