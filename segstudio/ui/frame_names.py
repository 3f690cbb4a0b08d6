"""Titles that the window's frame shows before anything else is there."""

from __future__ import annotations

FILE, EDIT, IMAGE, TOOLS, VIEW, MODEL, NETWORK, HELP = (
    "File",
    "Edit",
    "Image",
    "Tools",
    "View",
    "Model",
    "Network",
    "Help",
)
MENUS = (FILE, EDIT, IMAGE, TOOLS, VIEW, MODEL, NETWORK, HELP)
PANELS = ("Images", "Classes", "Model", "Metrics", "Network")
BAR_HEIGHT = 38
TOOLS_WIDTH = 34
HEADER_HEIGHT = 34
