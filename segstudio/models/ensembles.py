"""Models made of other models: one run in another way, or several that answer together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image, Labels
from segstudio.core.prediction import Ensemble, ModelSpec, Prediction, RunOptions
from segstudio.models.download import Check, Report

FloatArray = NDArray[np.float32]

_FAINT: Final = 1e-12


class Member(Protocol):
    """A model that is loaded."""

    def predict(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> Prediction:
        """Segment one image (H, W, 3) uint8 RGB."""
        ...

    def probabilities(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> FloatArray:
        """Probabilities (C, H, W) float32, which sum to 1 over the classes."""
        ...


class VariantPredictor:
    """A model run with options of its own."""

    def __init__(self, spec: ModelSpec, base: Member, overrides: Mapping[str, Any]) -> None:
        """Take the variant's description, the loaded model, and fields of `RunOptions`."""
        self._spec, self._base, self._overrides = spec, base, dict(overrides)

    def predict(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> Prediction:
        """Segment one image (H, W, 3) uint8 RGB with the variant's options."""
        answer = self._base.predict(pixels, self._own(options), check, report)
        return replace(answer, run=self._spec.id, title=self._spec.title)

    def probabilities(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> FloatArray:
        """Probabilities (C, H, W) float32 with the variant's options."""
        return self._base.probabilities(pixels, self._own(options), check, report)

    def _own(self, options: RunOptions) -> RunOptions:
        return replace(options, **self._overrides)


class EnsemblePredictor:
    """Several models that answer together."""

    def __init__(self, spec: ModelSpec, members: Sequence[Member]) -> None:
        """Take the ensemble's description and its loaded members."""
        assert isinstance(spec.made_of, Ensemble)
        self._spec, self._members, self._method = spec, list(members), spec.made_of.method

    def predict(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> Prediction:
        """Segment one image (H, W, 3) uint8 RGB.

        Raises:
            SegstudioError: if the members do not tell the same classes apart.
        """
        start = time.perf_counter()
        if self._method == "vote":
            maps = [
                member.predict(pixels, options, check, step).labels
                for member, step in zip(self._members, self._steps(report), strict=True)
            ]
            votes = vote_shares(maps, max(self._spec.schema.ids) + 1)
        else:
            votes = self.probabilities(pixels, options, check, report)
        labels, confidence, entropy = decided(votes)
        return Prediction(
            self._spec.id,
            self._spec.title,
            self._spec.schema,
            labels,
            confidence,
            seconds=time.perf_counter() - start,
            device=options.device,
            entropy=entropy,
        )

    def probabilities(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> FloatArray:
        """The mean of the members' probabilities (C, H, W) float32."""
        total: FloatArray | None = None
        for member, step in zip(self._members, self._steps(report), strict=True):
            found = member.probabilities(pixels, options, check, step)
            total = found if total is None else _added(total, found)
        assert total is not None
        total /= np.float32(len(self._members))
        return total

    def _steps(self, report: Report) -> list[Callable[[int, int, str], None]]:
        """One report a member, which tells the member's number."""
        count = len(self._members)

        def step(number: int) -> Callable[[int, int, str], None]:
            return lambda _done, _total, _text: report(
                number, count, f"Model {number + 1} of {count}"
            )

        return [step(number) for number in range(count)]


def vote_shares(maps: Sequence[Labels], classes: int) -> FloatArray:
    """Share of the votes for each class: (C, H, W) float32 from label maps (H, W)."""
    shares = np.zeros((classes, *maps[0].shape), np.float32)
    for labels in maps:
        for class_id in np.unique(labels):
            shares[class_id] += labels == class_id
    shares /= len(maps)
    return shares


def decided(
    probabilities: FloatArray,
) -> tuple[Labels, NDArray[np.uint8], NDArray[np.uint8]]:
    """Class ids (of a tie the lowest), confidence and normalised entropy, each (H, W) uint8.

    Args:
        probabilities: (C, H, W), which sum to 1.
    """
    labels = probabilities.argmax(axis=0).astype(np.uint8)
    confidence = np.rint(probabilities.max(axis=0) * 255).astype(np.uint8)
    logs = np.log(np.maximum(probabilities, _FAINT))
    entropy = -(probabilities * logs).sum(axis=0) / np.log(len(probabilities))
    return labels, confidence, np.rint(np.clip(entropy, 0, 1) * 255).astype(np.uint8)


def of_instances(prediction: Prediction, classes: int) -> FloatArray:
    """Probabilities (C, H, W) of a prediction with instances.

    A class's is the highest score x mask value over its instances, which are cut off at no
    threshold; the background has what the others leave. Where they exceed 1 they are scaled.
    """
    assert prediction.instances is not None
    found = np.zeros((classes, *prediction.shape_hw), np.float32)
    instances = prediction.instances
    for number in range(len(instances.scores)):
        rect, soft = instances.soft_mask(number, prediction.shape_hw)
        plane = found[int(instances.classes[number])][rect.slices]
        np.maximum(plane, soft * float(instances.scores[number]), out=plane)
    others = found[1:].sum(axis=0)
    found[1:] /= np.maximum(others, 1)
    found[0] = 1 - np.minimum(others, 1)
    return found


def _added(total: FloatArray, found: FloatArray) -> FloatArray:
    if total.shape != found.shape:
        raise SegstudioError(
            "The models of the ensemble do not tell the same classes apart.",
            "Choose models with the same classes.",
        )
    total += found
    return total
