"""The commands of named runs, of own weights and of the disagreement panel: rows of the table of all commands."""

from __future__ import annotations

from functools import partial

from segstudio.kit.actions import ActionSpec, Context, Scope
from segstudio.kit.frame_names import EDIT, MODEL, VIEW


def _has_models(c: Context) -> bool:
    return bool(c.session.models)


def _is_named(c: Context) -> bool:
    return c.studio.named_runs.is_named(c.session.model.chosen)


def _is_own(c: Context) -> bool:
    return c.studio.own_weights.entry(c.session.model.chosen) is not None


def _is_missing(c: Context) -> bool:
    return c.studio.own_weights.is_missing(c.session.model.chosen)


def _has_regions(c: Context) -> bool:
    """Whether what is in front lists anything: errors of the annotation, or where models differ."""
    session = c.session
    if session.errors_in_front:
        found = session.errors
        return found is not None and bool(found.listed(session.correcting.kind))
    return session.disagreement is not None and bool(session.disagreement.regions)


def _step(by: int, c: Context) -> None:
    if c.session.errors_in_front:
        c.studio.error_targets.step(by)
    else:
        c.studio.disagreement.step(by)


def _is_at_error(c: Context) -> bool:
    session = c.session
    if not session.errors_in_front or session.errors is None:
        return False
    return session.errors.error(session.correcting.opened) is not None


def _is_at_one(c: Context) -> bool:
    if c.session.errors_in_front:
        return _is_at_error(c)
    return _has_regions(c) and bool(c.session.disagreeing.opened)


def _can_take(c: Context) -> bool:
    return _is_at_one(c) and not (c.session.errors_in_front and c.session.read_only)


def _take(c: Context) -> None:
    if c.session.errors_in_front:
        c.studio.error_targets.repair()
    else:
        c.studio.disagreement.take(c.canvas.shown_view.run)


def _leave(c: Context) -> None:
    if c.session.errors_in_front:
        c.studio.error_targets.open(None)
    else:
        c.studio.disagreement.open(0)


def _is_shown(c: Context) -> bool:
    from segstudio.session.session import Layer  # NumPy: not before the window is there

    return c.canvas.shown_view.layer is Layer.DISAGREEMENT


def _toggle_layer(c: Context) -> None:
    from segstudio.session.session import Layer

    layer = Layer.BOTH if _is_shown(c) else Layer.DISAGREEMENT
    c.studio.comparing.choose(c.canvas.pane_at_hand, layer=layer)


def _manage(what: str, c: Context) -> None:
    c.verbs.runs.manage(what)


RUN_ACTIONS = (
    ActionSpec("runs.new", MODEL, "New run…", partial(_manage, "new"), "plus",
               enabled=_has_models, section=2,
               tip="A model with thresholds, input size or averaging of its own"),
    ActionSpec("runs.ensemble", MODEL, "New ensemble…", partial(_manage, "ensemble"), "layers-2",
               enabled=_has_models, section=2,
               tip="Several models that answer together, as one more model"),
    ActionSpec("runs.remove", MODEL, "Remove run", partial(_manage, "remove"), "minus",
               enabled=_is_named, section=2,
               tip="Forget the chosen named run; its predictions stay on disk"),
)  # fmt: skip

WEIGHTS_ACTIONS = (
    ActionSpec("model.load", MODEL, "Load weights from a file…", partial(_manage, "open"),
               "file-plus", enabled=_has_models, section=1,
               tip="A .safetensors or .pth file, a TorchScript or an ONNX model; it stays in the list of models"),
    ActionSpec("model.load_folder", MODEL, "Load weights from a folder…",
               partial(_manage, "open_folder"), "folder-open", enabled=_has_models, section=1,
               tip="A folder with config.json and weights, as Hugging Face and "
               "segmentation_models_pytorch write it"),
    ActionSpec("model.describe", MODEL, "Name and describe weights…",
               partial(_manage, "describe"), "pencil", enabled=_is_own, section=1,
               tip="Of the chosen weights of yours: name, classes, what goes in, what comes out, "
               "what they were trained on"),
    ActionSpec("model.downloads", MODEL, "Downloads…", partial(_manage, "downloads"),
               "download", enabled=_has_models, section=1,
               tip="The weights of all models: which are on this disk, their sizes; fetch, stop, "
               "check and delete them"),
    ActionSpec("model.find", MODEL, "Find weights…", partial(_manage, "find"), "search",
               enabled=_is_missing, section=1,
               tip="Say where the file of the chosen model is now"),
    ActionSpec("model.forget", MODEL, "Remove weights from the list", partial(_manage, "forget"),
               "trash-2", enabled=_is_own, section=1,
               tip="The file of the chosen weights of yours stays where it is"),
)  # fmt: skip

DISAGREEMENT_ACTIONS = (
    ActionSpec("disagreement.show", VIEW, "Show disagreement on the photo", _toggle_layer,
               "vote", enabled=lambda c: c.session.disagreement is not None,
               checked=_is_shown, section=6,
               tip="Colour the pixels on which the models differ"),
    ActionSpec("disagreement.next", VIEW, "Next error or disagreement",
               partial(_step, 1), "chevron-right", ("J",),
               enabled=_has_regions, section=6, repeats=True,
               tip="Go to the next error of your annotation, or the next smaller region on which "
               "models differ: what the panel Disagreement lists"),
    ActionSpec("disagreement.previous", VIEW, "Previous error or disagreement",
               partial(_step, -1), "chevron-left", ("Shift+J",),
               enabled=_has_regions, section=6, repeats=True,
               tip="Go to the error, or the larger region, before it"),
    ActionSpec("disagreement.leave", VIEW, "Leave error or disagreement",
               _leave, "x", ("Esc",), Scope.CANVAS,
               enabled=_is_at_one, section=6, tip="Take its outlines off the photo"),
)  # fmt: skip

TAKE_ACTIONS = (
    ActionSpec("disagreement.take", EDIT, "Model is right: repair, or take its region",
               _take, "clipboard-check", ("U",), enabled=_can_take, section=1,
               tip="At an error: split, merge, take, delete, as its button says, and go to the next; "
               "at a region of disagreement: take what the model of the view under the pointer says"),
    ActionSpec("errors.keep", EDIT, "Mine is right: keep it",
               lambda c: c.studio.error_targets.keep(), "circle-check", ("Shift+U",),
               enabled=_is_at_error, section=1,
               tip="Leave the annotation as it is at this error, which does not come again until "
               "the annotation changes there, and go to the next"),
)  # fmt: skip
