"""Segments: the objects of the classes whose objects are told apart, and the rest by class.

A segment has a key, 2^24 times its class id plus its number; number 0 is all of the class that
belongs to no object. Counting goes by runs of equal pixels along the rows, which are few.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.labels import InstanceIds, Labels
from segstudio.metrics.class_sums import require_same_shape

SHIFT = 24
BACKGROUND = 0
"""The class that has no objects."""
KeyMap = npt.NDArray[np.uint32]
"""(H, W) uint32 keys of segments."""
Keys = npt.NDArray[np.uint32]
Pixels = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]
"""(H, W) int32 numbers of objects, 0 where there is none."""
_NUMBER = (1 << SHIFT) - 1
_NO_CLASS = -1


class Overlaps(NamedTuple):
    """How many pixels each segment of one map shares with each of another.

    Attributes:
        first: (n,) uint32 keys of the one map.
        second: (n,) uint32 keys of the other.
        pixels: (n,) int64, all above 0.
    """

    first: Keys
    second: Keys
    pixels: Pixels


@dataclass(frozen=True, eq=False)
class SegmentMaps:
    """The segments of an image's ground truth and of a prediction of it.

    Attributes:
        truth: (H, W) uint32 keys.
        prediction: (H, W) uint32 keys.
        things: Ids of the classes whose objects are told apart.
        ignored_class: The ignore index, or -1: segments of this class are none, on either side.
        from_regions: Whether connected regions stand for the predicted objects, since the
            prediction does not tell objects apart.
    """

    truth: KeyMap
    prediction: KeyMap
    things: frozenset[int]
    ignored_class: int
    from_regions: bool

    @classmethod
    def of(
        cls,
        truth: Labels,
        truth_ids: InstanceIds | None,
        prediction: Labels,
        predicted_ids: InstanceIds | None,
        ignore_index: int | None,
        things: Collection[int] = (),
    ) -> SegmentMaps:
        """Find the segments.

        Args:
            truth: (H, W) uint8 class ids.
            truth_ids: (H, W) uint16, or None: then no objects are told apart on either side.
            prediction: (H, W) uint8 class ids.
            predicted_ids: (H, W) uint16, or None: then connected regions, touching corners
                included, stand for the objects of `things` and of the classes that have objects in
                the ground truth.
            ignore_index: Class id of the truth that counts nowhere, or None.
            things: Classes whose objects are told apart, besides those that have objects.

        Raises:
            SegstudioError: if the shapes differ.
        """
        require_same_shape(truth, prediction)
        ignored = _NO_CLASS if ignore_index is None else ignore_index
        if truth_ids is None:
            return cls(key_map(truth, None), key_map(prediction, None), frozenset(), ignored, False)
        found = {*things, *_classes_with_objects(truth, truth_ids)}
        if predicted_ids is not None:
            found |= _classes_with_objects(prediction, predicted_ids)
        # A detection whose class became background by a class mapping is no object.
        found -= {ignored, BACKGROUND}
        return cls(
            key_map(truth, _only(truth, truth_ids, found)),
            key_map(
                prediction,
                connected_regions(prediction, found)
                if predicted_ids is None
                else _only(prediction, predicted_ids, found),
            ),
            frozenset(found),
            ignored,
            predicted_ids is None,
        )

    @cached_property
    def overlaps(self) -> Overlaps:
        """The pairs of segments that share pixels."""
        return overlaps(self.truth, self.prediction)

    def is_crowd(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Whether keys of the ground truth are of pixels whose objects are not told apart there.

        Those of a class whose objects are told apart elsewhere; COCO and Cityscapes mark groups so.
        """
        found: npt.NDArray[np.bool_] = np.isin(class_of(keys), [*self.things]) & ~is_object(keys)
        return found


def class_of(keys: Keys) -> npt.NDArray[np.int64]:
    """Class ids of keys."""
    return (keys >> SHIFT).astype(np.int64)


def number_of(keys: Keys) -> npt.NDArray[np.int64]:
    """Numbers of objects within their class, 0 for the rest of a class."""
    return (keys & _NUMBER).astype(np.int64)


def is_object(keys: Keys) -> npt.NDArray[np.bool_]:
    """Whether each key is of one object, not of the rest of its class."""
    found: npt.NDArray[np.bool_] = (keys & _NUMBER) > 0
    return found


def overlaps(first: KeyMap, second: KeyMap) -> Overlaps:
    """Count the pairs of keys of two maps of the same shape; each pair comes once."""
    a, b = first.ravel(), second.ravel()
    ends = _ends((a[1:] != a[:-1]) | (b[1:] != b[:-1]), a.size)
    joint = a[ends].astype(np.uint64) << np.uint64(32) | b[ends]
    pairs, pixels = summed(joint, np.diff(ends, prepend=-1))
    return Overlaps((pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32), pixels)


def tally(keys: Keys) -> tuple[Keys, Pixels]:
    """The keys of a list, each once and ascending, and how often each occurs."""
    ends = _ends(keys[1:] != keys[:-1], keys.size)
    return summed(keys[ends], np.diff(ends, prepend=-1))


def summed(keys: npt.NDArray[Any], pixels: Pixels) -> tuple[npt.NDArray[Any], Pixels]:
    """The keys of a list, each once and ascending, and the sum of the pixels of each."""
    found, place = np.unique(keys, return_inverse=True)
    return found, np.bincount(place.ravel(), pixels, len(found)).astype(np.int64)


def boxes_of(keys: KeyMap, wanted: Keys) -> npt.NDArray[np.float64]:
    """The smallest box around each segment.

    Args:
        keys: (H, W) uint32.
        wanted: (k,) uint32, ascending; every one of them occurs.

    Returns:
        (k, 4) float64: x0, y0, x1, y1 of the box's edges, so x1 - x0 is its width in pixels.
    """
    height, width = keys.shape
    flat = keys.ravel()
    changes = flat[1:] != flat[:-1]
    changes[width - 1 :: width] = True
    ends = _ends(changes, flat.size)
    starts = np.append(0, ends[:-1] + 1)
    here = np.isin(flat[ends], wanted)
    starts, ends = starts[here], ends[here]
    place = np.searchsorted(wanted, flat[ends])
    boxes = np.empty((len(wanted), 4))
    boxes[:] = (width, height, 0, 0)
    np.minimum.at(boxes[:, 0], place, starts % width)
    np.minimum.at(boxes[:, 1], place, ends // width)
    np.maximum.at(boxes[:, 2], place, ends % width + 1)
    np.maximum.at(boxes[:, 3], place, ends // width + 1)
    return boxes


def connected_regions(labels: Labels, class_ids: Iterable[int]) -> Numbers:
    """Number the connected regions of some classes, touching corners included.

    Args:
        labels: (H, W) uint8 class ids.
        class_ids: Whose regions.

    Returns:
        (H, W) int32: 1, 2, ... within each of the classes; 0 on all others.
    """
    numbers = np.zeros(labels.shape, np.int32)
    for class_id in class_ids:
        mask = (labels == class_id).view(np.uint8)
        # A region's number is above 0 on its own class only, so the sum keeps them apart.
        numbers += np.asarray(cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)[1])
    return numbers


def used_classes(*maps: Labels) -> list[int]:
    """Class ids that are in any of the maps, ascending."""
    used = np.zeros(256, np.bool_)
    for labels in maps:
        if labels.size:
            # The counts are float32 and stop at 2^24, but those of classes that occur are not 0.
            counts = cv2.calcHist([np.ascontiguousarray(labels)], [0], None, [256], [0, 256])
            used |= np.asarray(counts).ravel() > 0
    return np.flatnonzero(used).tolist()


def _ends(changes: npt.NDArray[np.bool_], size: int) -> npt.NDArray[np.int64]:
    """Index of the last element of each run; `changes` tells after which elements one ends."""
    inner = np.flatnonzero(changes).astype(np.int64)
    return np.append(inner, size - 1) if size else inner


def key_map(labels: Labels, numbers: Numbers | InstanceIds | None) -> KeyMap:
    """The key of the segment at every pixel, from class ids and numbers; (H, W) uint32."""
    keys = labels.astype(np.uint32)
    keys <<= SHIFT
    if numbers is not None:
        keys |= numbers.astype(np.uint32)
    return keys


def _classes_with_objects(labels: Labels, ids: InstanceIds) -> frozenset[int]:
    return frozenset(np.flatnonzero(np.bincount(labels[ids > 0])).tolist())


def _only(labels: Labels, ids: InstanceIds, class_ids: Collection[int]) -> InstanceIds:
    """The instance ids of some classes, 0 elsewhere."""
    if _classes_with_objects(labels, ids) <= {*class_ids}:
        return ids
    table = np.zeros(256, np.uint16)
    table[list(class_ids)] = 1
    kept: InstanceIds = ids * table[labels]
    return kept
