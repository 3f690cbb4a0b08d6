"""The tools of the canvas: one module and one row each."""

from __future__ import annotations

from segstudio.annotation.ui.tools.brush import BrushTool
from segstudio.annotation.ui.tools.eraser import EraserTool
from segstudio.annotation.ui.tools.fill import FillTool
from segstudio.annotation.ui.tools.pan import PanTool
from segstudio.annotation.ui.tools.pick import PickTool
from segstudio.annotation.ui.tools.polygon import PolygonTool
from segstudio.canvas.tool import Tool

TOOLS: tuple[type[Tool], ...] = (PanTool, BrushTool, EraserTool, PolygonTool, FillTool, PickTool)
