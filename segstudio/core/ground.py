"""Objects over a ground: the parts of a panoptic answer, and how they become label maps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from segstudio.core.class_names import key_of
from segstudio.core.errors import SegstudioError
from segstudio.core.instances import Instances
from segstudio.core.labels import InstanceIds, Labels
from segstudio.core.schema import ClassSpec, LabelSchema, distinct_color

USUAL_THRESHOLD: Final = 0.5
"""The score, and the probability in a mask, at which objects are laid over the ground first."""


@dataclass(frozen=True)
class Panoptic:
    """What lies at each pixel: at most one object, and the ground behind it.

    Attributes:
        objects: (H, W) uint16: the object that owns a pixel once overlaps are resolved, as 1 plus
            its place in the `Instances`; 0 for none. Of objects from `USUAL_THRESHOLD` on.
        ground: (H, W) uint8 class ids of stuff; 0 where there is none.
        confidence: (H, W) uint8 of the ground, 0..255 for 0..1.
    """

    objects: InstanceIds
    ground: Labels
    confidence: npt.NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        """Bytes held by the arrays."""
        return self.objects.nbytes + self.ground.nbytes + self.confidence.nbytes

    def mapped(self, table: npt.NDArray[np.uint8]) -> Panoptic:
        """The same in other classes.

        Args:
            table: (256,) the new class id by the present one.
        """
        return replace(self, ground=table[self.ground])

    def laid(
        self, instances: Instances, score_threshold: float, mask_threshold: float
    ) -> tuple[Labels, InstanceIds, npt.NDArray[np.uint8]]:
        """Class ids, object ids and confidence at thresholds, as `Instances.flatten` gives them.

        From the usual score on, at the usual probability, an object has the pixels that it owns or
        is hidden; else objects are painted anew, the best on top.
        """
        if mask_threshold == USUAL_THRESHOLD and score_threshold >= USUAL_THRESHOLD:
            shown = np.concatenate([[False], instances.scores >= score_threshold])
            ids = np.where(shown[self.objects], self.objects, np.uint16(0))
        else:
            shape_hw = (self.ground.shape[0], self.ground.shape[1])
            _, ids, _ = instances.flatten(shape_hw, score_threshold, mask_threshold)
        of_object = ids > 0
        classes = np.concatenate([np.zeros(1, np.uint8), instances.classes])
        scores = np.concatenate([[0], np.rint(instances.scores * 255)]).astype(np.uint8)
        labels = np.where(of_object, classes[ids], self.ground)
        return labels, ids, np.where(of_object, scores[ids], self.confidence)


@dataclass(frozen=True)
class JoinedClasses:
    """The classes of a model that finds objects and of one that labels pixels, in one list.

    Attributes:
        schema: 0 is what belongs to none; things keep the ids of the model that finds them.
        things: (256,) uint8: the joined id by an id of the model that finds objects.
        stuff: (256,) uint8: the joined id by an id of the other; 0 for what the first finds.
    """

    schema: LabelSchema
    things: npt.NDArray[np.uint8]
    stuff: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, objects: LabelSchema, pixels: LabelSchema) -> JoinedClasses:
        """Join them; classes that both name are those of the objects.

        Raises:
            SegstudioError: if there are more classes than ids.
        """
        things = [replace(c, thing=True) for c in objects.classes if c.id != 0]
        found = {key_of(c.name) for c in things}
        others = [c for c in pixels.classes if _is_real(c) and key_of(c.name) not in found]
        taken = {0, *(c.id for c in things)}
        free = iter(sorted(set(range(1, 256)) - taken - {c.id for c in others}))
        table, stuff = np.zeros(256, np.uint8), []
        for other in others:
            new = next(free, None) if other.id in taken else other.id
            if new is None:
                raise SegstudioError(
                    "Together these models tell more than 255 classes apart.",
                    "Choose a model with fewer classes.",
                )
            table[other.id] = new
            color = other.color if new == other.id else distinct_color(new)
            stuff.append(replace(other, id=new, color=color, thing=False, mask_color=None))
        ground = ClassSpec(0, "background", distinct_color(0))
        kept = np.zeros(256, np.uint8)
        kept[[c.id for c in things]] = [c.id for c in things]
        return cls(LabelSchema((ground, *things, *stuff), None), kept, table)


def _is_real(entry: ClassSpec) -> bool:
    return entry.id != 0 or key_of(entry.name) != "background"
