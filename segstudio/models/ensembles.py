"""Models made of other models: one run in another way, or several that answer together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from segstudio.core.class_mapping import ids_by_name
from segstudio.core.errors import SegstudioError
from segstudio.core.ground import USUAL_THRESHOLD, JoinedClasses, Panoptic
from segstudio.core.instances import Instances
from segstudio.core.labels import Image, InstanceIds, Labels
from segstudio.core.prediction import (
    Ensemble,
    ModelSpec,
    Prediction,
    RunOptions,
    with_thresholds,
)
from segstudio.core.progress import Check, Report
from segstudio.core.schema import LabelSchema

FloatArray = NDArray[np.float32]

_Order = Mapping[int, int] | None
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
        self._orders = [_order(spec.schema, member.schema) for member in spec.made_of.members]

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
                _labels_in(order, member.predict(pixels, options, check, step).labels)
                for member, order, step in self._turns(report)
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
        for member, order, step in self._turns(report):
            found = _planes_in(order, member.probabilities(pixels, options, check, step))
            total = found if total is None else _added(total, found)
        assert total is not None
        total /= np.float32(len(self._members))
        return total

    def _turns(self, report: Report) -> Iterator[tuple[Member, _Order, Report]]:
        steps = steps_of(report, len(self._members))
        return zip(self._members, self._orders, steps, strict=True)


class PanopticPredictor:
    """The objects that one model finds over the classes that another gives to all pixels."""

    def __init__(self, spec: ModelSpec, objects: Member, pixels: Member) -> None:
        """Take the joined model's description and its loaded members."""
        assert isinstance(spec.made_of, Ensemble)
        self._spec, self._objects, self._pixels = spec, objects, pixels
        self._classes = JoinedClasses.of(*(member.schema for member in spec.made_of.members))

    def predict(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> Prediction:
        """Segment one image (H, W, 3) uint8 RGB.

        The better object gets the pixels that two claim; one that is left less than half of its
        own is none. What the second model takes for an object that the first does not find belongs
        to no class.
        """
        start = time.perf_counter()
        first, second = steps_of(report, 2)
        found = self._objects.predict(pixels, options, check, first)
        around = self._pixels.predict(pixels, options, check, second)
        assert found.instances is not None
        instances = replace(found.instances, classes=self._classes.things[found.instances.classes])
        ground = self._classes.stuff[around.labels]
        sure = np.where(ground > 0, around.confidence, 255 - around.confidence)
        panoptic = Panoptic(owned_pixels(instances, found.shape_hw), ground, sure.astype(np.uint8))
        raw = Prediction(
            self._spec.id,
            self._spec.title,
            self._spec.schema,
            ground,
            panoptic.confidence,
            instances,
            seconds=time.perf_counter() - start,
            device=found.device,
            notes=tuple(dict.fromkeys((*found.notes, *around.notes))),
            panoptic=panoptic,
        )
        return with_thresholds(raw, options.score_threshold, options.mask_threshold)

    def probabilities(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> FloatArray:
        """Probabilities (C, H, W) float32: of the class at a pixel; the background has the rest."""
        answer = self.predict(pixels, options, check, report)
        shares = np.zeros((max(self._spec.schema.ids) + 1, *answer.shape_hw), np.float32)
        sure = answer.confidence / np.float32(255)
        np.put_along_axis(shares, answer.labels[None].astype(np.intp), sure[None], 0)
        shares[0] += 1 - shares.sum(axis=0)
        return shares


def _order(schema: LabelSchema, member: LabelSchema) -> _Order:
    """What the ensemble's ids are called in a member; None if they are the same.

    Raises:
        SegstudioError: if the member tells other classes apart.
    """
    found = ids_by_name(schema, member)
    if found is None:
        raise SegstudioError(
            "The models of the ensemble do not tell the same classes apart.",
            "Choose models with the same classes.",
        )
    return None if all(own == theirs for own, theirs in found.items()) else found


def _labels_in(order: _Order, labels: Labels) -> Labels:
    if order is None:
        return labels
    table = np.arange(256, dtype=np.uint8)
    for own, theirs in order.items():
        table[theirs] = own
    return table[labels]


def _planes_in(order: _Order, planes: FloatArray) -> FloatArray:
    if order is None:
        return planes
    found = np.zeros((max(order) + 1, *planes.shape[1:]), np.float32)
    for own, theirs in order.items():
        found[own] = planes[theirs]
    return found


def owned_pixels(instances: Instances, shape_hw: tuple[int, int]) -> InstanceIds:
    """(H, W) uint16: the object that owns each pixel, 1 plus its place, or 0.

    Objects from the usual score on, the best first; one that others leave less than half of its
    pixels owns none.
    """
    owner = np.zeros(shape_hw, np.uint16)
    for number, score in enumerate(instances.scores):
        if score < USUAL_THRESHOLD:
            continue
        rect, mask = instances.mask(number, shape_hw, USUAL_THRESHOLD)
        part = owner[rect.slices]
        free = mask & (part == 0)
        if 2 * np.count_nonzero(free) >= np.count_nonzero(mask):
            part[free] = number + 1
    return owner


def steps_of(report: Report, count: int) -> list[Report]:
    """One report for each of so many models, which tells the model's number."""

    def step(number: int) -> Report:
        return lambda _done, _total, _text: report(number, count, f"Model {number + 1} of {count}")

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
