"""From a cell of the confusion matrix to the pixels behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.labels import Labels
from segstudio.folder.browsing import Browsing
from segstudio.jobs import JobRunner
from segstudio.metrics.class_sums import require_same_shape
from segstudio.runs.segmenting import Segmenting
from segstudio.session.document import Document
from segstudio.session.session import Change, Layer, Session, What

_TOUCHING: Final = 8
"""Pixels that share a corner are one place."""
MOST_PLACES: Final = 500
"""More are not told: outlines that are a pixel off make thousands of tiny ones."""


@dataclass(frozen=True)
class Place:
    """Confused pixels that touch each other: their rectangle, and how many they are."""

    rect: Rect
    pixels: int


Done = Callable[[int, tuple[Place, ...]], None]
"""Gets the index of the image and its places, largest first."""


@dataclass(frozen=True)
class _Wish:
    """What to look for once the image and its prediction are there."""

    index: int
    model: str
    truth_id: int
    predicted_id: int
    done: Done


class ConfusedPlaces:
    """Opens an image with a model's prediction, and finds where it takes one class for another."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        browsing: Browsing,
        segmenting: Segmenting,
        prediction_key: Callable[[str], str],
    ) -> None:
        """Args (besides the objects it works on):
        prediction_key: Key of an evaluated model's predictions, by its id; "" if unknown.
        """
        self._prediction_key = prediction_key
        self._session, self._jobs = session, jobs
        self._browsing, self._segmenting = browsing, segmenting
        self._wish: _Wish | None = None
        session.follow(What.PROJECT | What.DOCUMENT | What.PREDICTIONS, self._on_change)

    def open(self, index: int, model: str, truth_id: int, predicted_id: int, done: Done) -> None:
        """Show an image with the difference of annotation and prediction, and look for the places.

        The latest wish wins; one is dropped when the user goes to another image meanwhile.

        Args:
            index: Which image.
            model: Id of the model.
            truth_id: The class that is right.
            predicted_id: The class that the model says.
            done: Called once, when the image and the prediction are on the screen; with no place
                if the annotation has changed and there is none any more.
        """
        self._wish = _Wish(index, model, truth_id, predicted_id, done)
        if index != self._session.index:
            self._browsing.select(index)
        elif self._session.document is not None and not self._run_of(self._session.document):
            # evaluated while the image was open: its prediction is on disk only
            self._segmenting.load_stored(self._session.document)
        self._try()

    def _on_change(self, change: Change) -> None:
        if self._wish is None:
            return
        if change.what & What.PROJECT or self._browsing.place != self._wish.index:
            self._wish = None
        else:
            self._try()

    def _run_of(self, document: Document) -> str:
        """Key of the wished model's prediction, "" if the image does not have it (yet)."""
        run = self._prediction_key(self._wish.model) if self._wish else ""
        return run if run in document.predictions else ""

    def _try(self) -> None:
        """Go on if the image and the prediction are there."""
        wish, document = self._wish, self._session.document
        if wish is None or document is None or self._session.index != wish.index:
            return
        run = self._run_of(document)
        if not run:
            return
        self._wish = None
        self._segmenting.show(run)
        self._session.set_view(layer=Layer.DIFFERENCE, overlay_visible=True)
        truth, prediction = document.annotation.labels.copy(), document.predictions[run].labels
        self._jobs.submit(
            f"Looking at {document.ref.title}",
            "features",
            lambda _job: confused_places(truth, prediction, wish.truth_id, wish.predicted_id),
            lambda places: self._found(wish, places),
            key="confused-places",
            visible=False,
        )

    def _found(self, wish: _Wish, places: tuple[Place, ...]) -> None:
        if self._session.index == wish.index:
            wish.done(wish.index, places)


def confused_places(
    truth: Labels, prediction: Labels, truth_id: int, predicted_id: int, most: int = MOST_PLACES
) -> tuple[Place, ...]:
    """The places where `predicted_id` was predicted on pixels of `truth_id`.

    Args:
        truth: (H, W) uint8 class ids.
        prediction: (H, W) uint8 class ids.
        truth_id: The class that is right.
        predicted_id: The class that was predicted; the same one gives the places it was found at.
        most: More places than these are left out, the smallest ones.

    Raises:
        SegstudioError: if the shapes differ.
    """
    require_same_shape(truth, prediction)
    if not truth.size:
        return ()
    mask = cv2.bitwise_and(
        (truth == truth_id).view(np.uint8), (prediction == predicted_id).view(np.uint8)
    )
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=_TOUCHING)
    rows = stats[1:]  # the first is what lies between the places
    order = np.argsort(-rows[:, cv2.CC_STAT_AREA], kind="stable")[:most]
    return tuple(
        Place(Rect(top, left, top + height, left + width), pixels)
        for left, top, width, height, pixels in rows[order].tolist()
    )
