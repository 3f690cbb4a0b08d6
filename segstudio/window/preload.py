"""Imports everything that fills the window; done once, beside the event loop, after first paint.

NumPy imports its masked arrays when `unique` is first called: 40 ms, with the first folder.
"""

from __future__ import annotations

import numpy.ma  # noqa: F401

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
