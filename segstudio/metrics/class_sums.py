"""Numbers by class that add up: what an image contributes to the figures of a folder.

An image keeps only the classes that turn up in it, so that the figures of many thousand images
stay small in memory and as JSON.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Labels
from segstudio.metrics.confusion import ConfusionMatrix, Metrics
from segstudio.metrics.counting import count_pairs

Ids = npt.NDArray[np.int64]
"""(k,) int64 class ids, ascending."""
Numbers = npt.NDArray[np.float64]
K = TypeVar("K", bound=Hashable)
_ALL_IDS = 256


@dataclass(frozen=True, eq=False)
class ClassSums:
    """A few numbers for each class that turned up.

    Attributes:
        columns: Names of the numbers.
        ids: (k,) int64 class ids, ascending.
        values: (k, m) float64, a column for each name. Counts are exact below 2^53.
    """

    columns: ClassVar[tuple[str, ...]] = ()
    ids: Ids
    values: Numbers

    @classmethod
    def of_rows(cls, rows: Mapping[int, Sequence[float]]) -> Self:
        """From the numbers of each class, in the order of `columns`."""
        ids = sorted(rows)
        values = np.array([rows[i] for i in ids], np.float64).reshape(-1, len(cls.columns))
        return cls(np.array(ids, np.int64), values)

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """The sum of any number of images."""
        dense = np.zeros((_ALL_IDS, len(cls.columns)))
        seen = np.zeros(_ALL_IDS, np.bool_)
        for part in parts:
            dense[part.ids] += part.values
            seen[part.ids] = True
        ids = np.flatnonzero(seen)
        return cls(ids, dense[ids])

    def __add__(self, other: Self) -> Self:
        return self.total((self, other))

    def column(self, name: str, class_ids: Sequence[int]) -> Numbers:
        """(K,) float64: one of the numbers for each class asked for; 0 where it is absent."""
        dense = np.zeros(_ALL_IDS)
        dense[self.ids] = self.values[:, self.columns.index(name)]
        found: Numbers = dense[np.asarray(class_ids, np.intp)]
        return found

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary, class id -> numbers."""
        rows = zip(self.ids.tolist(), self.values.tolist(), strict=True)
        return {str(class_id): [_short(v) for v in numbers] for class_id, numbers in rows}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValueError: if a row has another number of columns.
        """
        return cls.of_rows({int(key): [float(v) for v in row] for key, row in data.items()})


@dataclass(frozen=True, eq=False)
class ClassPairs:
    """How often each class of the ground truth met each of the prediction, without the zeros.

    Attributes:
        keys: (n,) int64, 256 * class of the ground truth + class of the prediction, ascending.
        pixels: (n,) int64, all above 0.
        ignored: Pixels left out because the ground truth has the ignore index there.
    """

    keys: npt.NDArray[np.int64]
    pixels: npt.NDArray[np.int64]
    ignored: int = 0

    @classmethod
    def of(cls, truth: Labels, prediction: Labels, ignore_index: int | None) -> ClassPairs:
        """Count two label maps, each (H, W) uint8, exactly; any id from 0 to 255 may occur.

        Raises:
            SegstudioError: if the shapes differ.
        """
        require_same_shape(truth, prediction)
        side = max(int(truth.max(initial=1)), int(prediction.max(initial=1))) + 1
        counts, ignored = count_pairs(truth, prediction, side, ignore_index)
        return cls.of_matrix(ConfusionMatrix(counts, ignored))

    @classmethod
    def of_matrix(cls, matrix: ConfusionMatrix) -> ClassPairs:
        """The entries of a confusion matrix that are not 0."""
        rows, columns = np.nonzero(matrix.counts)
        keys = (rows * _ALL_IDS + columns).astype(np.int64)
        return cls(keys, matrix.counts[rows, columns].astype(np.int64), matrix.ignored)

    @classmethod
    def total(cls, parts: Iterable[ClassPairs]) -> ClassPairs:
        """The sum of any number of images."""
        dense, ignored = np.zeros(_ALL_IDS**2, np.int64), 0
        for part in parts:
            dense[part.keys] += part.pixels
            ignored += part.ignored
        keys = np.flatnonzero(dense)
        return cls(keys, dense[keys], ignored)

    def __add__(self, other: ClassPairs) -> ClassPairs:
        return self.total((self, other))

    @property
    def class_ids(self) -> tuple[int, ...]:
        """Ids of the classes that are in the ground truth or in the prediction."""
        return tuple(np.unique([self.keys // _ALL_IDS, self.keys % _ALL_IDS]).tolist())

    @property
    def predicted_ids(self) -> tuple[int, ...]:
        """Ids of the classes that are predicted on pixels that count."""
        return tuple(np.unique(self.keys % _ALL_IDS).tolist())

    def matrix(self, num_classes: int = 0) -> ConfusionMatrix:
        """The confusion matrix, with room for at least `num_classes`."""
        side = max(num_classes, *(i + 1 for i in (0, *self.class_ids)))
        counts = np.zeros((side, side), np.int64)
        counts[self.keys // _ALL_IDS, self.keys % _ALL_IDS] = self.pixels
        return ConfusionMatrix(counts, self.ignored)

    def metrics(self, class_ids: Sequence[int]) -> Metrics:
        """The scores of these classes."""
        return Metrics.from_counts(self.matrix(max(class_ids, default=0) + 1), class_ids)

    def as_if_all(self, class_id: int) -> ClassPairs:
        """What calling every pixel `class_id` would have counted: the baseline of a model."""
        rows = np.bincount(self.keys // _ALL_IDS, self.pixels, _ALL_IDS).astype(np.int64)
        truth = np.flatnonzero(rows)
        return ClassPairs(truth * _ALL_IDS + class_id, rows[truth], self.ignored)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "keys": self.keys.tolist(),
            "pixels": self.pixels.tolist(),
            "ignored": self.ignored,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ClassPairs:
        """The inverse of `to_json`."""
        return cls(
            np.array(data["keys"], np.int64),
            np.array(data["pixels"], np.int64),
            int(data["ignored"]),
        )


def class_totals(images: Sequence[ClassPairs], class_ids: Sequence[int]) -> Numbers:
    """Pixels of each class in each image, all images at once.

    Args:
        images: N of them.
        class_ids: K ids, each once.

    Returns:
        (N, K, 3) float64: pixels in both maps, in the ground truth, in the prediction.
    """
    number, classes = len(images), len(class_ids)
    place = np.full(_ALL_IDS, -1, np.int64)
    place[np.asarray(class_ids, np.intp)] = np.arange(classes)
    keys = np.concatenate([np.zeros(0, np.int64), *(p.keys for p in images)])
    pixels = np.concatenate([np.zeros(0, np.int64), *(p.pixels for p in images)])
    rows = np.repeat(np.arange(number), [len(p.keys) for p in images]) * classes
    truth, prediction = keys // _ALL_IDS, keys % _ALL_IDS
    sums = []
    for ids, used in ((truth, truth == prediction), (truth, True), (prediction, True)):
        known = (place[ids] >= 0) & used
        at = rows[known] + place[ids[known]]
        sums.append(np.bincount(at, pixels[known], number * classes))
    return np.stack(sums, axis=1).reshape(number, classes, 3).astype(np.float64)


def require_same_shape(truth: npt.NDArray[Any], prediction: npt.NDArray[Any]) -> None:
    """Refuse maps of different sizes.

    Raises:
        SegstudioError: tells both sizes.
    """
    if truth.shape != prediction.shape:
        sizes = [" x ".join(map(str, a.shape[::-1])) for a in (truth, prediction)]
        raise SegstudioError(
            f"The ground truth has {sizes[0]} pixels and the prediction {sizes[1]}.",
            "Compare maps of the same image at the same size.",
        )


def without_ignored(
    truth: Labels, prediction: Labels, ignore_index: int | None, instead: int | None = None
) -> Labels:
    """The prediction with what it says where the truth is ignored taken out.

    Args:
        truth: (H, W) uint8 class ids.
        prediction: (H, W) uint8 class ids, same shape; it is not changed.
        ignore_index: Class id of the truth that counts nowhere, or None.
        instead: What stands there afterwards; None: the ignore index, as in the truth.
    """
    if ignore_index is None:
        return prediction
    return np.where(
        truth == ignore_index, np.uint8(ignore_index if instead is None else instead), prediction
    )


def _short(value: float) -> float | int:
    return int(value) if value.is_integer() else value


class ConfusionMatrices(MutableMapping[K, ConfusionMatrix]):
    """The confusion matrices of many images, without their zeros.

    A matrix of 150 classes takes 180 kB, and nearly all of it is 0: of 10,000 images that would be
    1.8 GB a model. Only those used last are held as they are.
    """

    def __init__(self, held: int = 32) -> None:
        """Args:
        held: So many are held as they are; getting one of them again gives the same object.
        """
        self._most = held
        self._held: dict[K, ConfusionMatrix] = {}
        self._packed: dict[K, tuple[int, ClassPairs]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers held."""
        packed = sum(p.keys.nbytes + p.pixels.nbytes for _, p in self._packed.values())
        return packed + sum(matrix.counts.nbytes for matrix in self._held.values())

    def __getitem__(self, key: K) -> ConfusionMatrix:
        matrix = self._held.pop(key, None)
        if matrix is None:
            side, pairs = self._packed.pop(key)
            matrix = pairs.matrix(side)
        self._hold(key, matrix)
        return matrix

    def __setitem__(self, key: K, matrix: ConfusionMatrix) -> None:
        self._packed.pop(key, None)
        self._held.pop(key, None)
        self._hold(key, matrix)

    def __delitem__(self, key: K) -> None:
        if self._held.pop(key, None) is None:
            del self._packed[key]

    def clear(self) -> None:
        """Forget all, at once: one by one would take minutes for 100,000 images."""
        self._held.clear()
        self._packed.clear()

    def __iter__(self) -> Iterator[K]:
        return iter([*self._packed, *self._held])

    def __len__(self) -> int:
        return len(self._packed) + len(self._held)

    def __contains__(self, key: object) -> bool:
        return key in self._held or key in self._packed

    def _hold(self, key: K, matrix: ConfusionMatrix) -> None:
        """Keep one as the last used; the longest unused one is packed for it."""
        self._held[key] = matrix
        if len(self._held) > self._most:
            oldest = next(iter(self._held))
            unused = self._held.pop(oldest)
            self._packed[oldest] = (unused.num_classes, ClassPairs.of_matrix(unused))
