"""The commands of trainings: rows of the table of all commands."""

from __future__ import annotations

from segstudio.kit.actions import ActionSpec, Context, has_project
from segstudio.kit.frame_names import MODEL

DOCK = "Training"


def _new(c: Context) -> None:
    c.studio.training.want_new()
    c.window.docks.open(DOCK)


def _moves(c: Context) -> bool:
    run = c.studio.training.active
    return run is not None and run.moves


def _is_done(c: Context) -> bool:
    run = c.studio.training.run
    return run is not None and run.is_done


TRAINING_ACTIONS = (
    ActionSpec("training.new", MODEL, "Train…", _new, "trending-up", enabled=has_project,
               section=3, tip="Train a network on the masks of this folder"),
    ActionSpec("training.pause", MODEL, "Pause or resume the training",
               lambda c: c.studio.training.pause(), "pause", enabled=_moves, section=3,
               tip="It stands still and keeps its place"),
    ActionSpec("training.stop", MODEL, "Stop the training, keep the best",
               lambda c: c.studio.training.stop(), "circle-stop", enabled=_moves, section=3,
               tip="The best epoch so far is kept and proven"),
    ActionSpec("training.use", MODEL, "Use the trained network",
               lambda c: c.studio.training.use(c.studio.training.shown), "circle-check",
               enabled=_is_done, section=3,
               tip="Take the result of the training that is looked at into the list of models"),
)  # fmt: skip
