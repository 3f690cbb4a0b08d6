"""The eraser: paints background."""

from __future__ import annotations

from segstudio.annotation.ui.tools.brush import BrushTool
from segstudio.session.session import ToolName


class EraserTool(BrushTool):
    """A brush that always erases."""

    name = ToolName.ERASER
    always_erases = True
