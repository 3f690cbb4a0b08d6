"""Imports everything that fills the window; done once, beside the event loop, after first paint."""

from __future__ import annotations

import segstudio.app.studio
import segstudio.ui.canvas.canvas
import segstudio.ui.canvas_header
import segstudio.ui.evaluation_link
import segstudio.ui.feed
import segstudio.ui.network_link
import segstudio.ui.panels.classes.panel
import segstudio.ui.panels.disagreement.panel
import segstudio.ui.panels.images.panel
import segstudio.ui.panels.metrics.panel
import segstudio.ui.panels.model.panel
import segstudio.ui.window_commands  # noqa: F401
