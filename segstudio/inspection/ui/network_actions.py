"""The commands of the network panel: rows of the table of all commands."""

from __future__ import annotations

from functools import partial

from segstudio.kit.actions import ActionSpec, Context
from segstudio.kit.frame_names import NETWORK


def _is_open(c: Context) -> bool:
    return c.session.inspection.active


def _has_trace(c: Context) -> bool:
    return c.session.inspection.traced is not None


def _can_trace(c: Context) -> bool:
    return _is_open(c) and c.session.document is not None and not c.session.inspection.waiting


def _has_stage(c: Context) -> bool:
    return _has_trace(c) and bool(c.session.inspection.stage)


def _has_skip(c: Context) -> bool:
    return _has_trace(c) and bool(c.session.inspection.skip)


def _is_skip_cut(c: Context) -> bool:
    return _has_skip(c) and c.studio.cutting.is_cut(c.session.inspection.skip)


def _toggle_skip(c: Context) -> None:
    c.window.network.toggle_skip()


def _export(kind: str, c: Context) -> None:
    c.verbs.network_export.save_as(kind)


NETWORK_ACTIONS = (
    ActionSpec("network.previous_stage", NETWORK, "Previous stage",
               lambda c: c.studio.inspecting.step_stage(-1), "chevron-left", ("Alt+Left",),
               enabled=_has_trace, repeats=True, section=1,
               tip="Open the stage that runs before"),
    ActionSpec("network.next_stage", NETWORK, "Next stage",
               lambda c: c.studio.inspecting.step_stage(1), "chevron-right", ("Alt+Right",),
               enabled=_has_trace, repeats=True, section=1,
               tip="Open the stage that runs next"),
    ActionSpec("network.trace", NETWORK, "Trace again",
               lambda c: c.studio.inspecting.trace_again(), "refresh-cw", ("Shift+N",),
               enabled=_can_trace, section=1, tip="Send the image through the network once more"),
    ActionSpec("network.unpin", NETWORK, "Unpin the pixel",
               lambda c: c.studio.inspecting.pin(None), "pin",
               enabled=lambda c: c.session.inspection.point is not None, section=2,
               tip="A click on the photo with the hand pins one"),
    ActionSpec("network.clear_photo", NETWORK, "Clear the photo",
               lambda c: c.studio.photo_overlay.clear(), "eraser",
               enabled=lambda c: c.session.inspection.over_photo is not None, section=2,
               tip="Take away what the network panel laid over the photo"),
    ActionSpec("network.cut_skip", NETWORK, "Cut the opened skip",
               _toggle_skip, "scissors", ("Shift+X",),
               enabled=_has_skip, checked=_is_skip_cut, section=2,
               tip="The skip connection on the Skip page, at first the finest; again undoes it"),
    ActionSpec("network.reset_cuts", NETWORK, "Remove all cuts",
               lambda c: c.studio.cutting.reset(), "undo-2",
               enabled=lambda c: bool(c.session.inspection.cuts), section=2,
               tip="Let the network work as it was trained"),
    ActionSpec("network.report", NETWORK, "Export report (HTML)…", partial(_export, "report"),
               "file-text", enabled=_has_trace, section=3,
               tip="One file with diagram, stages, skips, what each carries, and explanations"),
    ActionSpec("network.svg", NETWORK, "Export diagram (SVG)…", partial(_export, "svg"),
               "file-output", enabled=_has_trace, section=3,
               tip="The diagram with its pictures, to be enlarged without loss"),
    ActionSpec("network.png", NETWORK, "Export diagram (PNG)…", partial(_export, "png"),
               "image", enabled=_has_trace, section=3, tip="The diagram as a picture"),
    ActionSpec("network.grid", NETWORK, "Export stage's channels (PNG)…",
               partial(_export, "grid"), "grid-3x3", enabled=_has_stage, section=3,
               tip="All channels of the opened stage in one picture"),
    ActionSpec("network.arrays", NETWORK, "Export activations (.npz)…",
               partial(_export, "arrays"), "layers", enabled=_has_trace, section=3,
               tip="Activations of all stages with input, scores and masks, for numpy"),
)  # fmt: skip
"""Rows of the menu after the panel's own switch."""

EXPORTS = ("network.report", "network.svg", "network.png", "network.grid", "network.arrays")
"""What the panel's export button offers, by id."""
