"""The models' answers in an evaluation: from disk where they are there, else from the models."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from segstudio.core.errors import SegstudioError, without_traceback
from segstudio.core.labels import Image
from segstudio.core.prediction import Prediction
from segstudio.evaluation.evaluation_inputs import Contender
from segstudio.evaluation.evaluation_trouble import Trouble
from segstudio.jobs import Job
from segstudio.runs.engine import Engine, Predictor
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.predictions import PredictionStore


class ModelNeeded(Exception):
    """An answer is not on disk, and models may not run yet."""


class EvaluatedModels:
    """Answers of several models, each loaded when it is first needed and kept until the end.

    Attributes:
        trouble: What went wrong.
        seconds: Time spent in the models.
        may_run: Whether models may be loaded and run now; else `ModelNeeded` says that one is
            needed.
    """

    def __init__(self, engine: Engine | None, store: PredictionStore, *, again: bool) -> None:
        """Args:
        engine: Gives the models; without it only what is on disk is answered.
        store: Predictions on disk.
        again: Run the models also where a stored prediction would do.
        """
        self.trouble = Trouble()
        self.seconds = 0.0
        self.may_run = False
        self._engine = engine
        self._store = store
        self._again = again
        self._loaded: dict[str, Predictor] = {}

    def answer(
        self,
        contender: Contender,
        ref: ImageRef,
        digest: str,
        pixels: Callable[[], Image],
        job: Job,
    ) -> Prediction | None:
        """A model's answer for an image at the thresholds in force; None if it cannot be had.

        Args:
            contender: The model.
            ref: The image.
            digest: Of its file, when the pixels are or were read.
            pixels: Gives its pixels (H, W, 3) uint8 RGB; called only if the model runs.
            job: Checked while the model runs.

        Raises:
            ModelNeeded: if the model has to run and `may_run` is not set.
            SegstudioError: if the image cannot be read or the model fails on it.
        """
        raw = None if self._again else self._stored(contender, ref, digest)
        if raw is None:
            predictor = self._predictor(contender, job)
            if predictor is None:
                return None
            raw = self._predict(predictor, contender, pixels(), job)
            self._keep(ref, digest, raw)
        return contender.drawn(raw)

    def _stored(self, contender: Contender, ref: ImageRef, digest: str) -> Prediction | None:
        raw = self._store.load(ref.path, contender.run, ref.page, digest=digest)
        if raw is None and contender.same_answer:
            raw = self._store.load(ref.path, contender.same_answer, ref.page, digest=digest)
            if raw is not None:
                raw = replace(raw, run=contender.run, title=contender.spec.title)
                self._keep(ref, digest, raw)
        return raw

    def _predict(
        self, predictor: Predictor, contender: Contender, pixels: Image, job: Job
    ) -> Prediction:
        start = time.perf_counter()
        answer = predictor.predict(pixels, contender.options, job.check, _no_report)
        self.seconds += time.perf_counter() - start
        return replace(answer, run=contender.run)

    def _keep(self, ref: ImageRef, digest: str, prediction: Prediction) -> None:
        try:
            self._store.save(ref.path, prediction, ref.page, digest=digest)
        except SegstudioError as error:
            self.trouble.unsaved.append(without_traceback(error))

    def _predictor(self, contender: Contender, job: Job) -> Predictor | None:
        """The loaded model; None if it cannot be had, which is told once in `trouble`."""
        if self._engine is None or contender.id in self.trouble.broken:
            return None
        if not self.may_run:
            raise ModelNeeded
        if contender.id not in self._loaded:
            try:
                self._loaded[contender.id] = self._load(self._engine, contender, job)
            except SegstudioError as error:
                self.trouble.broken[contender.id] = without_traceback(error)
        return self._loaded.get(contender.id)

    def _load(self, engine: Engine, contender: Contender, job: Job) -> Predictor:
        spec, progress = contender.spec, job.progress
        if not engine.is_available(spec):
            engine.download(spec, job.check, job.report)
        job.report(progress.done, progress.total, f"Loading {spec.title}")
        return engine.predictor(spec, contender.options.device, job.check)


def _no_report(done: int, total: int = 0, text: str = "") -> None:
    """Progress is told by images."""
