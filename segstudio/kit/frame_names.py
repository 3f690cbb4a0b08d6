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
MENU_HEIGHT, BAR_HEIGHT, OPTIONS_HEIGHT, STATUS_HEIGHT = 28, 40, 36, 26
TITLE_HEIGHT = 32
"""Of the line on top of a panel."""
TOOLS_WIDTH = 40
"""Logical pixels, the same with every font."""
