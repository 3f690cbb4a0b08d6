"""What a network says at one pixel: class scores, and a stage's strongest channels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segstudio.core.features import FeatureMap
from segstudio.core.prediction import Prediction
from segstudio.session.inspection import Traced

if TYPE_CHECKING:
    from segstudio.inspection.nets.subject import Subject
    from segstudio.jobs import Job

STRONGEST = 5
"""How many channels are told."""
_EXACT_BYTES = 96 * 1024 * 1024
"""Logits beyond this are kept as float16: off by less than 0.1 %."""


@dataclass(frozen=True)
class ClassValue:
    """One class at one pixel.

    Attributes:
        id: The model's class.
        name: For people.
        logit: None for models that find instances.
        probability: Softmax over the classes; for instances the highest score x mask probability
            of the class's detections, for the background one minus the highest of all.
    """

    id: int
    name: str
    logit: float | None
    probability: float


@dataclass(frozen=True)
class ChannelValue:
    """One channel at one position."""

    channel: int
    value: float


@dataclass(frozen=True)
class PixelValues:
    """What is known of a pixel.

    Attributes:
        pixel: (x, y) of the photo.
        classes: By falling probability; empty while they are not computed, or outside the window.
        stage: Id of the opened stage, "" if none.
        position: (row, col) of the stage's map, or None where it has no place there.
        channels: The stage's strongest at this position, by falling magnitude.
        field: (top, left, bottom, right) on the photo of the position's theoretical receptive
            field; None without a position. May leave the photo.
        complete: Whether nothing is still being computed.
    """

    pixel: tuple[int, int]
    classes: tuple[ClassValue, ...] = ()
    stage: str = ""
    position: tuple[int, int] | None = None
    channels: tuple[ChannelValue, ...] = ()
    field: tuple[float, float, float, float] | None = None
    complete: bool = True


@dataclass(frozen=True, eq=False)
class ScoreMaps:
    """A network's scores for every pixel of the window.

    Attributes:
        ids: (K,) the classes.
        scores: (K, h, w) float16 or float32: logits, or probabilities for instances.
        are_logits: Which of the two.
    """

    ids: tuple[int, ...]
    scores: NDArray[np.float32] | NDArray[np.float16] = field(repr=False)
    are_logits: bool

    def at(self, traced: Traced, row: int, col: int) -> tuple[ClassValue, ...]:
        """The classes at a position of the window, by falling probability."""
        values = self.scores[:, row, col].astype(np.float64)
        probabilities = softmax(values) if self.are_logits else values
        found = [
            ClassValue(
                class_id,
                traced.class_names.get(class_id, f"class {class_id}"),
                float(value) if self.are_logits else None,
                float(probability),
            )
            for class_id, value, probability in zip(self.ids, values, probabilities, strict=True)
        ]
        return tuple(sorted(found, key=lambda entry: -entry.probability))


def score_maps(subject: Subject, traced: Traced, job: Job) -> ScoreMaps:
    """Compute a network's scores on its image: one forward pass."""
    logits = subject.logits(job.check)
    if logits is None:
        return instance_maps(traced.prediction)
    kept = logits if logits.nbytes <= _EXACT_BYTES else logits.astype(np.float16)
    return ScoreMaps(tuple(range(len(logits))), kept, are_logits=True)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (K,) of logits (K,)."""
    grown = np.exp(logits - logits.max())
    shares: NDArray[np.float64] = grown / grown.sum()
    return shares


def strongest(activations: FeatureMap, row: int, col: int) -> tuple[ChannelValue, ...]:
    """The channels (C, h, w) of the largest magnitude at a position."""
    vector = activations[:, row, col].astype(np.float32)
    order = np.argsort(-np.abs(vector), kind="stable")[:STRONGEST]
    return tuple(ChannelValue(int(index), float(vector[index])) for index in order)


def instance_maps(prediction: Prediction) -> ScoreMaps:
    """Of each class the highest score x mask probability; of class 0 one minus the highest."""
    found = prediction.instances
    ids = () if found is None else tuple(sorted({int(c) for c in found.classes}))
    scores = np.zeros((len(ids), *prediction.shape_hw), np.float16)
    if found is not None:
        for index in range(len(found)):
            rect, soft = found.soft_mask(index, prediction.shape_hw)
            part = scores[ids.index(int(found.classes[index]))][rect.slices]
            np.maximum(part, (soft * found.scores[index]).astype(np.float16), out=part)
    if 0 not in ids:
        background = 1 - scores.max(axis=0, keepdims=True, initial=0)
        ids, scores = (0, *ids), np.concatenate((background, scores))
    return ScoreMaps(ids, scores, are_logits=False)
