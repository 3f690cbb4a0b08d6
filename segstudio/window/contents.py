"""Imports everything that fills the window; done once, beside the event loop, after first paint."""

from __future__ import annotations

import segstudio.annotation.ui.classes_panel
import segstudio.canvas.canvas
import segstudio.comparison.ui.disagreement_panel
import segstudio.evaluation.ui.metrics_panel
import segstudio.folder.ui.images_panel
import segstudio.runs.ui.model_panel
import segstudio.studio
import segstudio.window.canvas_header
import segstudio.window.evaluation_link
import segstudio.window.feed
import segstudio.window.network_link
import segstudio.window.window_commands  # noqa: F401
