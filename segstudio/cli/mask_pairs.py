"""Predicted masks of a folder, each with its ground truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from segstudio.cli.errors import require_folder
from segstudio.cli.mask_codings import Masks, read_alike
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import InstanceIds, LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.mask_files import instance_scores
from segstudio.storage.scan import scan
from segstudio.storage.schema_file import SCHEMA_NAME, read_schema
from segstudio.storage.truth import TruthIndex, read_truth

INSTANCES: Final = "instances"


@dataclass(frozen=True)
class Pair:
    """A prediction and its ground truth, of the same size.

    Attributes:
        name: Of the predicted mask.
        truth_path: File of the ground truth: what pairs the predictions of two folders.
        truth: Class ids and, where known, instance ids.
        prediction: Class ids.
        predicted_objects: (H, W) uint16 instance ids, or None if objects are not told apart.
        scores: (n,) scores of the predicted objects 1 to n, or None if the file does not say.
    """

    name: str
    truth_path: Path
    truth: LabelMap
    prediction: LabelMap
    predicted_objects: InstanceIds | None
    scores: npt.NDArray[np.float32] | None


@dataclass(frozen=True)
class MaskFolders:
    """A folder of predictions, one of ground truth, and the classes in force.

    Attributes:
        refs: The predicted masks.
        predictions: Where they are and what their values mean.
        objects: The predicted instances beside them, if there are any.
        truth: Where the ground truth is.
        schema: The classes.
        declared: Whether the classes were given; else they are what was found.
    """

    refs: Sequence[ImageRef]
    predictions: TruthIndex
    objects: TruthIndex | None
    truth: TruthIndex
    schema: LabelSchema
    declared: bool

    @classmethod
    def open(
        cls, pred_dir: Path, gt_dir: Path, schema_file: Path | None, ignore: int | None
    ) -> MaskFolders:
        """Find the masks and decide on the classes.

        Args:
            pred_dir: Predicted masks.
            gt_dir: Ground truth masks.
            schema_file: Classes; else `segstudio.json` in `gt_dir`, else the ids that are found.
            ignore: Ground truth id that counts nowhere; else the schema's.

        Raises:
            SegstudioError: if a folder or the schema cannot be read.
        """
        require_folder(pred_dir)
        require_folder(gt_dir)
        refs = _masks(pred_dir)
        declared = _declared_schema(schema_file, gt_dir)
        if declared is not None and ignore is not None:
            declared = LabelSchema(declared.classes, ignore)
        try:
            truth = TruthIndex.at(gt_dir, refs, declared)
        except SegstudioError as error:
            raise SegstudioError(
                f"No mask in {gt_dir} has the name of one in {pred_dir}.", error.hint
            ) from error
        found = TruthIndex.at(pred_dir, refs, _read_if_there(pred_dir / SCHEMA_NAME))
        truth, predictions = read_alike(Masks(gt_dir, truth), Masks(pred_dir, found), refs)
        schema = declared or _named_like(truth, predictions)
        if ignore is not None:
            schema = LabelSchema(schema.classes, ignore)
        return cls(refs, predictions, _objects(pred_dir, refs), truth, schema, declared is not None)

    def pairs(self) -> Iterator[Pair | ImageRef]:
        """Each prediction with its ground truth, or its reference alone if it has none.

        Raises:
            SegstudioError: if a mask cannot be read or has another size or unknown ids.
        """
        for ref in self.refs:
            yield self.pair_of(ref) or ref

    def pair_of(self, ref: ImageRef) -> Pair | None:
        """A prediction with its ground truth; None if it has none.

        Raises:
            SegstudioError: as `pairs`.
        """
        path = self.truth.path_of(ref)
        if path is None:
            return None
        prediction = read_truth(ref, self.predictions)
        truth = read_truth(ref, self.truth, self.schema)
        assert prediction is not None
        assert truth is not None
        if prediction.shape_hw != truth.shape_hw:
            raise _sizes_differ(ref.path, prediction, path, truth)
        objects, scores = self._objects_of(ref, prediction)
        return Pair(ref.name, path, truth, prediction, objects, scores)

    def _objects_of(
        self, ref: ImageRef, prediction: LabelMap
    ) -> tuple[InstanceIds | None, npt.NDArray[np.float32] | None]:
        """Instance ids of a prediction and their scores: of itself, or of `instances/` beside."""
        if prediction.instances is not None:
            return prediction.instances, _scores(self.predictions.instance_path(ref))
        beside = None
        if self.objects is not None:
            beside = read_truth(ref, self.objects, shape_hw=prediction.shape_hw)
        if self.objects is None or beside is None:
            return None, None
        return beside.instances, _scores(self.objects.instance_path(ref))


def _sizes_differ(
    predicted: Path, prediction: LabelMap, wanted: Path, truth: LabelMap
) -> SegstudioError:
    first, second = (" x ".join(map(str, m.shape_hw[::-1])) for m in (prediction, truth))
    return SegstudioError(
        f"The prediction {predicted} has {first} pixels, its ground truth {wanted} has {second}.",
        "Masks are not scaled: save the predictions at the size of the images.",
    )


def _scores(path: Path | None) -> npt.NDArray[np.float32] | None:
    return None if path is None else instance_scores(path)


def _masks(folder: Path) -> list[ImageRef]:
    found = scan(folder)
    if not found.names:
        raise SegstudioError(f"There are no masks in {folder}.", "Give the folder of the PNGs.")
    return [ImageRef(name, str(found.images_root)) for name in found.names]


def _objects(pred_dir: Path, refs: Sequence[ImageRef]) -> TruthIndex | None:
    """The predicted instances beside the class maps, as `segstudio predict` writes them."""
    folder = pred_dir / INSTANCES
    if not folder.is_dir():
        return None
    try:
        return TruthIndex.at(folder, refs)
    except SegstudioError:  # none of the files there belongs to these masks
        return None


def _declared_schema(schema_file: Path | None, gt_dir: Path) -> LabelSchema | None:
    if schema_file is not None:
        return read_schema(schema_file)
    return _read_if_there(gt_dir / SCHEMA_NAME)


def _read_if_there(path: Path) -> LabelSchema | None:
    return read_schema(path) if path.is_file() else None


def _named_like(truth: TruthIndex, predictions: TruthIndex) -> LabelSchema:
    """The ids of the ground truth; black-and-white and instance masks get the model's names."""
    same = predictions.declared and predictions.schema.ids == truth.schema.ids
    if same and truth.kind in ("binary", "instances"):
        return LabelSchema(predictions.schema.classes, truth.schema.ignore_index)
    return truth.schema
