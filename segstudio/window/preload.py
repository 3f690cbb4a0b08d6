"""Imports everything that fills the window; done once, beside the event loop, after first paint."""

from __future__ import annotations

import segstudio.canvas.canvas
import segstudio.canvas.legend_bar
import segstudio.studio
import segstudio.window.evaluation_link
import segstudio.window.network_link
import segstudio.window.options_bar
import segstudio.window.signal_view
import segstudio.window.window_commands  # noqa: F401
from segstudio.window import panels

for spec in panels.PANELS:
    if not spec.on_demand:
        spec.load()
