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
    return c.session.disagreement is not None and bool(c.session.disagreement.regions)


def _can_take(c: Context) -> bool:
    return _has_regions(c) and bool(c.session.disagreeing.opened)


def _take(c: Context) -> None:
    c.studio.disagreement.take(c.canvas.shown_view.run)


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
    ActionSpec("disagreement.next", VIEW, "Next region of disagreement",
               lambda c: c.studio.disagreement.step(1), "chevron-right", ("J",),
               enabled=_has_regions, section=6, repeats=True,
               tip="Go to the next smaller region on which the models differ"),
    ActionSpec("disagreement.previous", VIEW, "Previous region of disagreement",
               lambda c: c.studio.disagreement.step(-1), "chevron-left", ("Shift+J",),
               enabled=_has_regions, section=6, repeats=True,
               tip="Go to the next larger region on which the models differ"),
    ActionSpec("disagreement.leave", VIEW, "Leave region of disagreement",
               lambda c: c.studio.disagreement.open(0), "x", ("Esc",), Scope.CANVAS,
               enabled=_can_take, section=6, tip="Take the region's outline off the photo"),
)  # fmt: skip

TAKE_ACTIONS = (
    ActionSpec("disagreement.take", EDIT, "Take shown prediction in this region",
               _take, "clipboard-check", ("U",), enabled=_can_take, section=1,
               tip="Make what the model of the view under the pointer says of the opened region "
               "of disagreement the annotation there; can be undone"),
)  # fmt: skip
