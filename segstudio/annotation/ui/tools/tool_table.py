"""The tools of the canvas: one module and one row each."""

from __future__ import annotations

from segstudio.annotation.ui.tools.brush_tool import BrushTool
from segstudio.annotation.ui.tools.contrast_tool import ContrastTool
from segstudio.annotation.ui.tools.copy_tool import CopyTool
from segstudio.annotation.ui.tools.ellipse_tool import EllipseTool
from segstudio.annotation.ui.tools.eraser_tool import EraserTool
from segstudio.annotation.ui.tools.fill_tool import FillTool
from segstudio.annotation.ui.tools.grabcut_tool import GrabCutTool
from segstudio.annotation.ui.tools.lasso_tool import LassoTool
from segstudio.annotation.ui.tools.merge_tool import MergeTool
from segstudio.annotation.ui.tools.pan_tool import PanTool
from segstudio.annotation.ui.tools.pick_tool import PickTool
from segstudio.annotation.ui.tools.polygon_tool import PolygonTool
from segstudio.annotation.ui.tools.prompt_tool import PromptTool
from segstudio.annotation.ui.tools.rectangle_tool import RectangleTool
from segstudio.annotation.ui.tools.scissors_tool import ScissorsTool
from segstudio.annotation.ui.tools.select_tool import SelectTool
from segstudio.annotation.ui.tools.split_tool import SplitTool
from segstudio.annotation.ui.tools.superpixel_tool import SuperpixelTool
from segstudio.annotation.ui.tools.take_tool import TakeTool
from segstudio.annotation.ui.tools.wand_tool import WandTool
from segstudio.canvas.tool import Tool

TOOLS: tuple[type[Tool], ...] = (
    PanTool,
    SelectTool,
    CopyTool,
    BrushTool,
    EraserTool,
    PolygonTool,
    LassoTool,
    RectangleTool,
    EllipseTool,
    FillTool,
    WandTool,
    SuperpixelTool,
    GrabCutTool,
    ScissorsTool,
    PromptTool,
    TakeTool,
    SplitTool,
    MergeTool,
    PickTool,
    ContrastTool,
)
