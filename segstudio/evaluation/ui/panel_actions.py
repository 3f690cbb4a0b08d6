"""The commands of the evaluation panel: rows of the table of all commands."""

from __future__ import annotations

from functools import partial

from segstudio.kit.actions import ActionSpec, Context
from segstudio.kit.frame_names import EVALUATION


def _can_start(c: Context) -> bool:
    return c.session.project is not None and not _is_running(c)


def _is_running(c: Context) -> bool:
    return c.session.evaluation.busy


def _has_figures(c: Context) -> bool:
    return any(c.session.evaluation.done.values())


def _export(kind: str, c: Context) -> None:
    c.verbs.evaluation_export.save_as(kind)


EVALUATION_ACTIONS = (
    ActionSpec("evaluation.start", EVALUATION, "Evaluate", lambda c: c.window.evaluation.start(),
               "play", ("F9",), enabled=_can_start, section=1,
               tip="Hold the chosen models against the ground truth of the whole folder"),
    ActionSpec("evaluation.cancel", EVALUATION, "Stop evaluating",
               lambda c: c.studio.evaluating.cancel(), "circle-stop", enabled=_is_running,
               section=1, tip="What was counted so far stays; Evaluate goes on from there"),
    ActionSpec("evaluation.report", EVALUATION, "Save report (HTML)…", partial(_export, "report"),
               "file-text", enabled=_has_figures, section=3,
               tip="One file with tables, charts, the worst images and all settings"),
    ActionSpec("evaluation.csv", EVALUATION, "Save figures (CSV)…", partial(_export, "csv"),
               "table", enabled=_has_figures, section=3, tip="For spreadsheets"),
    ActionSpec("evaluation.json", EVALUATION, "Save figures (JSON)…", partial(_export, "json"),
               "file-output", enabled=_has_figures, section=3, tip="For programs"),
)  # fmt: skip
"""Rows of the menu after the panel's own switch."""

EXPORTS = ("evaluation.report", "evaluation.csv", "evaluation.json")
"""What the panel's export button offers, by id."""
