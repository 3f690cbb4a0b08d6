"""Where in an image of the work queue the suspected error of the annotation is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from segstudio.core.class_mapping import ClassMapping
from segstudio.core.geometry import Rect
from segstudio.core.prediction import Prediction
from segstudio.evaluation.suspects import thickest_suspect
from segstudio.jobs import JobRunner
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What


class QueuePlaces:
    """Finds the place in a job once the image and its prediction are there."""

    def __init__(self, session: Session, jobs: JobRunner) -> None:
        self._session, self._jobs = session, jobs
        self._wanted: tuple[int, str] | None = None
        session.changed.connect(self._on_change)

    def find(self, index: int, run: str) -> None:
        """Find the place on an image that is being opened; `session.queue.place` tells it.

        Args:
            index: The image.
            run: Key of the prediction; "" for the shown one.
        """
        self._wanted = (index, run)
        self._try()

    def forget(self) -> None:
        """Nothing is looked for any more."""
        self._wanted = None

    def _on_change(self, change: Change) -> None:
        if self._wanted is not None and change.what & (What.DOCUMENT | What.PREDICTIONS):
            self._try()

    def _try(self) -> None:
        session = self._session
        document = session.document
        if self._wanted is None or document is None or session.loading:
            return
        index, run = self._wanted
        prediction = document.predictions.get(run or session.view.run)
        if session.index == index and prediction is not None:
            self._wanted = None
            self._submit(document, prediction)

    def _submit(self, document: Document, prediction: Prediction) -> None:
        session, index = self._session, self._session.index
        # a copy, because the user may paint while the job looks at it
        annotation = np.array(document.annotation.labels)
        left_out = ClassMapping.between(prediction.schema, session.schema).left_out
        ignored = (session.schema.ignore_index, left_out)

        def done(place: Rect | None) -> None:
            if document is session.document and place is not None:
                session.queue = replace(session.queue, place=(index, place))
                session.notify(What.QUEUE)

        self._jobs.submit(
            "Looking for the suspected error",
            "scores",
            lambda _job: thickest_suspect(
                annotation, prediction.labels, prediction.confidence, ignored
            ),
            done,
            key="suspect",
            front=True,
            visible=False,
        )
