"""Titles that the window's frame shows before anything else is there."""

from __future__ import annotations

FILE, EDIT, IMAGE, TOOLS, VIEW, MODEL, HELP = (
    "File",
    "Edit",
    "Image",
    "Tools",
    "View",
    "Model",
    "Help",
)
MENUS = (FILE, EDIT, IMAGE, TOOLS, VIEW, MODEL, HELP)
PANELS = ("Images", "Classes", "Model", "Metrics")
BAR_HEIGHT = 38
TOOLS_WIDTH = 34
HEADER_HEIGHT = 34
