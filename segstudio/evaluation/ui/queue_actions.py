"""The commands of the work queue and of the class mapping: rows of the table of all commands."""

from __future__ import annotations

from segstudio.kit.actions import ActionSpec, Context
from segstudio.kit.frame_names import EVALUATION


def _can_map(c: Context) -> bool:
    return c.session.project is not None and bool(c.session.model.chosen)


def _waits(c: Context) -> bool:
    return bool(c.session.queue.images)


def _in_queue(c: Context) -> bool:
    return c.session.document is not None and c.session.queue.total > 0


QUEUE_ACTIONS = (
    ActionSpec("queue.next", EVALUATION, "Next in the queue",
               lambda c: c.studio.work_queue.step(1), "chevrons-right", ("Shift+D",),
               enabled=_waits, section=4, tip="The next image that needs a person", repeats=True),
    ActionSpec("queue.previous", EVALUATION, "Previous in the queue",
               lambda c: c.studio.work_queue.step(-1), "chevrons-left", ("Shift+A",),
               enabled=_waits, section=4, repeats=True),
    ActionSpec("queue.done", EVALUATION, "Done, next in the queue",
               lambda c: c.studio.work_queue.done(), "circle-check", ("Shift+K",),
               enabled=_in_queue, section=4,
               tip="Mark this image as done and go to the next one in the queue"),
    ActionSpec("evaluation.mapping", EVALUATION, "Class mapping…",
               lambda c: c.verbs.map_classes(), "arrow-left-right", enabled=_can_map, section=5,
               tip="What the model's classes count as in this folder"),
)  # fmt: skip
"""Rows of the Evaluation menu, after those of the panel."""
