"""The eraser: paints background."""

from __future__ import annotations

from segstudio.session.session import ToolName
from segstudio.ui.canvas.tools.brush import BrushTool


class EraserTool(BrushTool):
    """A brush that always erases."""

    name = ToolName.ERASER
    always_erases = True
