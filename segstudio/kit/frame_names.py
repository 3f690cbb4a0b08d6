"""Titles that the window's frame shows before anything else is there."""

from __future__ import annotations

FILE, EDIT, IMAGE, TOOLS, VIEW, MODEL, NETWORK, EVALUATION, HELP = (
    "File",
    "Edit",
    "Image",
    "Tools",
    "View",
    "Model",
    "Network",
    "Evaluation",
    "Help",
)
MENUS = (FILE, EDIT, IMAGE, TOOLS, VIEW, MODEL, NETWORK, EVALUATION, HELP)
BAR_HEIGHT = 38
TOOLS_WIDTH = 34
HEADER_HEIGHT = 34
