"""What the figures of the shown prediction say, and why there are none, in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from segstudio.core.class_mapping import asked_of, why_unscored
from segstudio.core.formatting import percent_text, ratio_text
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.core.text import with_notes
from segstudio.metrics.confusion import Metrics, ratio
from segstudio.session.session import Session

_NO_IMAGE = "Open an image to see how good a prediction is."
_NOT_SHOWN = "No scores before the image is shown."
_NO_RUN = "Run a model{key} to see its scores."
_NEITHER = (
    "No ground truth for this image: paint, or choose a ground truth folder; then run a model{key}"
    " to score it."
)
_NO_REFERENCE = (
    "No ground truth for this image: paint, or choose a ground truth folder, to score it."
)
_WAITING = (
    "The masks wait for an answer: say what they hold with File > Read masks as. Then they are read"
    " and scored."
)
_NOT_USED = (
    "The mask of this image is not used; its message says why. File > Read masks as"
    " tells what masks hold."
)
_NO_FOLDER = "Run a model on all images{key} to see the folder's scores."
_COUNTING = "Counting…"
_MISLEADING_FROM = 0.6


@dataclass(frozen=True)
class NoScores:
    """Why there are no figures.

    Attributes:
        why: A sentence that says so, and what to do.
        asked: The model's only object and the folder's that it may be, where a yes or no of the
            user is all that is missing.
    """

    why: str
    asked: tuple[str, str] | None = None


KeyOf = Callable[[str], str]
"""The key of a command, as it is now; "" if it has none."""


def why_no_image_scores(session: Session, key_of: KeyOf) -> NoScores:
    """Why the open image has no figures."""
    document = session.document
    if document is None:
        return NoScores(_NOT_SHOWN if session.loading or session.unreadable else _NO_IMAGE)
    unread = "" if document.has_reference else _why_unread(session)
    if unread:
        return NoScores(unread)
    shown = document.predictions.get(session.view.scored_run)
    if shown is None:
        why = _NO_RUN if document.has_reference else _NEITHER
        return NoScores(why.format(key=with_notes("", key_of("model.run"))))
    if not document.has_reference:
        return NoScores(_NO_REFERENCE)
    return _unscored(shown, session.schema) or NoScores(_COUNTING)


def why_no_folder_scores(session: Session, key_of: KeyOf) -> NoScores:
    """Why the folder has no figures."""
    document, project = session.document, session.project
    shown = document.predictions.get(session.view.scored_run) if document is not None else None
    if shown is not None and (unscored := _unscored(shown, session.schema)):
        return unscored
    waits = project is not None and project.truth is not None and project.truth.undecided
    run_all = with_notes("", key_of("model.run_all"))
    return NoScores(_WAITING if waits else _NO_FOLDER.format(key=run_all))


def _why_unread(session: Session) -> str:
    """Why the open image has no reference although it has a mask; "" if it has none."""
    project, document = session.project, session.document
    truth = None if project is None else project.truth
    if truth is None or document is None:
        return ""
    if truth.class_file(document.ref) is None and truth.instance_file(document.ref) is None:
        return ""
    return _WAITING if truth.undecided else _NOT_USED


def _unscored(shown: Prediction, folder: LabelSchema) -> NoScores | None:
    """Why no figures are made of a prediction here, and where that is changed; None if they are."""
    why = why_unscored(shown.schema, folder)
    if not why:
        return None
    asked = asked_of(shown.schema, folder)
    if asked is not None:
        return NoScores(f"Not scored: {why}", asked)
    return NoScores(f"Not scored: {why} Evaluation > Class mapping tells it otherwise.")


def means_text(metrics: Metrics, schema: LabelSchema) -> str:
    """The means in a line of a narrow panel: of the foreground where there is a background."""
    if not schema.has_foreground:
        return f"Mean IoU {ratio_text(metrics.mean_iou)}, Dice {ratio_text(metrics.mean_dice)}"
    iou, dice = metrics.mean_over(schema.foreground_ids)
    return f"Foreground IoU {ratio_text(iou)}, Dice {ratio_text(dice)}"


def more_means_text(metrics: Metrics, schema: LabelSchema) -> str:
    """The means with the background, and over how many classes; "" if that says nothing more."""
    found = []
    if schema.has_foreground:
        iou, dice = ratio_text(metrics.mean_iou), ratio_text(metrics.mean_dice)
        found.append(f"With background: mean IoU {iou}, Dice {dice}.")
    scored, classes = metrics.scored
    if scored != classes:
        found.append(
            f"The means are over {scored} of {classes} classes: the others are in no mask."
        )
    return " ".join(found)


def calibration_text(error: float) -> str:
    """How far it is from being as right as it says; "" if that is not known."""
    if math.isnan(error):
        return ""
    return (
        f"Calibration error {percent_text(error)}: so far is its confidence from how often it is "
        "right, on average."
    )


def image_means_text(means: Mapping[str, float], schema: LabelSchema) -> str:
    """The means of every image's own figures: of the foreground first where there is one."""

    def both(ending: str) -> str:
        iou, dice = means[f"image_mean_iou{ending}"], means[f"image_mean_dice{ending}"]
        return f"IoU {ratio_text(iou)}, Dice {ratio_text(dice)}"

    accuracy = f"accuracy {percent_text(means['image_mean_pixel_accuracy'])}."
    if not schema.has_foreground:
        return f"Mean over images: {both('')}, {accuracy}"
    foreground = f"Mean over images: foreground {both('_foreground')}"
    return f"{foreground}; with background {both('')}, {accuracy}"


def accuracy_text(metrics: Metrics, schema: LabelSchema) -> str:
    """The pixel accuracy, and what calling everything the most frequent class would score."""
    if not metrics.class_ids:
        return ""
    place = int(metrics.truth_pixels.argmax())
    name = schema.name_of(metrics.class_ids[place])
    share = ratio(float(metrics.truth_pixels[place]), metrics.total)
    text = f"Pixel accuracy {percent_text(metrics.pixel_accuracy)}"
    guess = f"“{name}” everywhere would score {percent_text(share)}"
    if share >= _MISLEADING_FROM:
        return f"{text}: misleading, since {guess}."
    return f"{text} ({guess})."
