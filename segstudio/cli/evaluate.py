"""`segstudio evaluate`: predicted masks against ground truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from segstudio.cli.errors import OK, InputError, input_errors
from segstudio.cli.objects import ObjectCounts
from segstudio.cli.output import print_json, print_table, progress_bar, score
from segstudio.core.boundary import BoundaryCounts
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import InstanceIds, LabelMap
from segstudio.core.metrics import ConfusionMatrix, Metrics, mean_of_images
from segstudio.core.schema import LabelSchema
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.scan import list_folder, scan
from segstudio.storage.schema_file import SCHEMA_NAME, read_schema
from segstudio.storage.truth import TruthIndex, read_truth

_ALL_IDS: Final = 256
_WORST: Final = 10
INSTANCES: Final = "instances"


@dataclass
class Counts:
    """What was counted over the images.

    Attributes:
        total: Sum of the confusion matrices, over all 256 possible ids.
        images: Confusion matrix by image.
        without_truth: Predictions that have no ground truth.
        objects: Summed matches of objects, where both sides tell them apart.
        boundary: Summed counts of boundaries, if asked for.
    """

    total: ConfusionMatrix = field(default_factory=lambda: ConfusionMatrix.zeros(_ALL_IDS))
    images: dict[str, ConfusionMatrix] = field(default_factory=dict)
    without_truth: list[str] = field(default_factory=list)
    objects: ObjectCounts = field(default_factory=ObjectCounts)
    boundary: BoundaryCounts | None = None


@dataclass(frozen=True)
class Pair:
    """A prediction and its ground truth, of the same size."""

    name: str
    truth: LabelMap
    prediction: LabelMap
    predicted_objects: InstanceIds | None


def evaluate(
    pred_dir: Path,
    gt_dir: Path,
    schema_file: Path | None = None,
    ignore: int | None = None,
    *,
    per_image: bool,
    boundary: bool = False,
    as_json: bool,
) -> int:
    """Compare two folders of masks and print the scores.

    Masks are matched by name as images and their ground truth are. Ground truth of instances
    counts as one class.

    Args:
        pred_dir: Predicted masks.
        gt_dir: Ground truth masks.
        schema_file: Classes; else `segstudio.json` in `gt_dir`, else the ids that are found.
        ignore: Ground truth id that counts nowhere; else the schema's.
        per_image: Whether to list every image.
        boundary: Whether to tell the IoU of the boundaries too.
        as_json: Print one JSON document instead of tables.

    Returns:
        The exit code.

    Raises:
        InputError: if a folder, a mask or the schema cannot be used; names the files.
    """
    with input_errors():
        folders = _Folders.open(pred_dir, gt_dir, schema_file, ignore)
        counts = _count(folders, boundary=boundary)
        if not counts.images:
            raise InputError(
                f"No mask in {pred_dir} has ground truth in {gt_dir}.",
                "Masks are matched by name; ground truth may end with _mask, _label or _gt.",
            )
    report = _report(folders, counts, per_image=per_image)
    if as_json:
        print_json(report)
    else:
        _print_report(report, per_image=per_image)
    return OK


@dataclass(frozen=True)
class _Folders:
    """The two folders, and the classes in force."""

    refs: Sequence[ImageRef]
    predictions: TruthIndex
    objects: TruthIndex | None
    truth: TruthIndex
    schema: LabelSchema
    declared: bool

    @classmethod
    def open(
        cls, pred_dir: Path, gt_dir: Path, schema_file: Path | None, ignore: int | None
    ) -> _Folders:
        """Find the masks and decide on the classes.

        Raises:
            SegstudioError: if a folder or the schema cannot be read.
        """
        list_folder(gt_dir)
        refs = _masks(pred_dir)
        declared = _declared_schema(schema_file, gt_dir)
        if declared is not None and ignore is not None:
            declared = LabelSchema(declared.classes, ignore)
        predictions = TruthIndex.at(pred_dir, refs, _read_if_there(pred_dir / SCHEMA_NAME))
        try:
            truth = TruthIndex.at(gt_dir, refs, declared)
        except SegstudioError as error:
            raise SegstudioError(
                f"No mask in {gt_dir} has the name of one in {pred_dir}.", error.hint
            ) from error
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
            if not self.truth.has(ref):
                yield ref
                continue
            prediction = read_truth(ref, self.predictions)
            assert prediction is not None
            truth = read_truth(ref, self.truth, self.schema, prediction.shape_hw)
            assert truth is not None
            yield Pair(ref.name, truth, prediction, self._objects_of(ref, prediction))

    def _objects_of(self, ref: ImageRef, prediction: LabelMap) -> InstanceIds | None:
        """Instance ids of a prediction: from the file itself, or from `instances/` beside it."""
        if prediction.instances is not None or self.objects is None:
            return prediction.instances
        beside = read_truth(ref, self.objects, shape_hw=prediction.shape_hw)
        return None if beside is None else beside.instances


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


def _count(folders: _Folders, *, boundary: bool) -> Counts:
    counts = Counts(boundary=BoundaryCounts() if boundary else None)
    with progress_bar("Comparing") as show:
        for done, pair in enumerate(folders.pairs()):
            show(done, len(folders.refs))
            if isinstance(pair, ImageRef):
                counts.without_truth.append(pair.name)
                continue
            matrix = _compare(folders, pair)
            counts.images[pair.name] = matrix
            counts.total += matrix
            counts.objects.add(pair.truth.instances, pair.predicted_objects)
            if counts.boundary is not None:
                ignore = folders.schema.ignore_index
                counts.boundary.add(pair.truth.labels, pair.prediction.labels, ignore)
    return counts


def _compare(folders: _Folders, pair: Pair) -> ConfusionMatrix:
    matrix = ConfusionMatrix.of(
        pair.truth.labels, pair.prediction.labels, _ALL_IDS, folders.schema.ignore_index
    )
    if folders.declared:
        known = set(folders.schema.ids)
        used = np.flatnonzero(matrix.counts.sum(axis=0))
        unknown = [int(i) for i in used if int(i) not in known]
        if unknown:
            raise SegstudioError(
                f"The prediction {pair.name} has class ids that the schema does not know: "
                f"{', '.join(map(str, unknown))}.",
                "Give the schema of the classes that were predicted with --schema.",
            )
    return matrix


def _class_ids(folders: _Folders, counts: Counts) -> list[int]:
    """Ids of the classes to score: those of the schema and those that turned up."""
    used = counts.total.counts.sum(axis=0) + counts.total.counts.sum(axis=1)
    found = {int(i) for i in np.flatnonzero(used)}
    return sorted({*folders.schema.scored_ids, *found} - {folders.schema.ignore_index})


def _report(folders: _Folders, counts: Counts, *, per_image: bool) -> dict[str, Any]:
    ids = _class_ids(folders, counts)
    total = Metrics.from_counts(counts.total, ids)
    images = {name: Metrics.from_counts(m, ids) for name, m in counts.images.items()}
    rows = [{"name": name, **_image_row(m)} for name, m in images.items()]
    ranked = sorted(rows, key=lambda r: (np.isnan(r["mean_iou"]), r["mean_iou"]))
    return {
        "images": len(images),
        "classes": _class_rows(folders.schema, total, counts.boundary),
        "mean_iou": total.mean_iou,
        "mean_dice": total.mean_dice,
        **_mean_boundary(counts.boundary, ids),
        "pixel_accuracy": total.pixel_accuracy,
        "majority_accuracy": total.majority_accuracy,
        "frequency_weighted_iou": total.frequency_weighted_iou,
        "scored_classes": total.num_scored,
        "ignore_index": folders.schema.ignore_index,
        "ignored_pixels": total.ignored,
        "pixels": total.total,
        **mean_of_images(images.values()),
        "objects": counts.objects.report(),
        "without_ground_truth": counts.without_truth,
        "worst": ranked[:_WORST],
        "per_image": rows if per_image else [],
    }


def _mean_boundary(boundary: BoundaryCounts | None, ids: Sequence[int]) -> dict[str, float]:
    if boundary is None:
        return {}
    found = boundary.iou(ids)
    found = found[~np.isnan(found)]
    return {"mean_boundary_iou": float(found.mean()) if found.size else float("nan")}


def _class_rows(
    schema: LabelSchema, metrics: Metrics, boundary: BoundaryCounts | None
) -> list[dict[str, Any]]:
    ids = [int(i) for i in metrics.class_ids]
    edges = None if boundary is None else boundary.iou(ids)
    return [
        {
            "id": class_id,
            "name": schema.name_of(class_id),
            "iou": float(metrics.iou[i]),
            "dice": float(metrics.dice[i]),
            "precision": float(metrics.precision[i]),
            "recall": float(metrics.recall[i]),
            "pixels": int(metrics.truth_pixels[i]),
            "predicted_pixels": int(metrics.predicted_pixels[i]),
            **({} if edges is None else {"boundary_iou": float(edges[i])}),
        }
        for i, class_id in enumerate(metrics.class_ids)
    ]


def _image_row(metrics: Metrics) -> dict[str, Any]:
    return {
        "mean_iou": metrics.mean_iou,
        "mean_dice": metrics.mean_dice,
        "pixel_accuracy": metrics.pixel_accuracy,
        "iou": {str(c): float(v) for c, v in zip(metrics.class_ids, metrics.iou, strict=True)},
    }


def _print_report(report: dict[str, Any], *, per_image: bool) -> None:
    names = ["iou", "dice", "precision", "recall"]
    if "mean_boundary_iou" in report:
        names.append("boundary_iou")
    print_table(
        ("class", "name", *(n.replace("_", " ") for n in names), "pixels"),
        [
            (str(c["id"]), c["name"], *(score(c[n]) for n in names), f"{c['pixels']:,}")
            for c in report["classes"]
        ],
    )
    of = f"{report['scored_classes']} of {len(report['classes'])} classes"
    print(f"\nmean IoU {score(report['mean_iou'])}, mean Dice {score(report['mean_dice'])} ({of})")
    print(
        f"pixel accuracy {score(report['pixel_accuracy'])} "
        f"(all of the largest class: {score(report['majority_accuracy'])}), "
        f"frequency-weighted IoU {score(report['frequency_weighted_iou'])}"
    )
    if "mean_boundary_iou" in report:
        print(f"mean boundary IoU {score(report['mean_boundary_iou'])}")
    print(
        f"mean over {report['images']} images: IoU {score(report['image_mean_iou'])}, "
        f"Dice {score(report['image_mean_dice'])}"
    )
    _print_objects(report["objects"])
    if report["without_ground_truth"]:
        print(f"{len(report['without_ground_truth'])} predictions have no ground truth")
    rows = report["per_image"] if per_image else report["worst"]
    print("\nall images" if per_image else "\nworst images")
    print_table(
        ("image", "mean iou", "mean dice", "accuracy"),
        [
            (r["name"], score(r["mean_iou"]), score(r["mean_dice"]), score(r["pixel_accuracy"]))
            for r in rows
        ],
    )


def _print_objects(objects: dict[str, Any] | None) -> None:
    if objects is None:
        return
    print(
        f"objects at IoU {objects['iou_threshold']}: {objects['found']} found, "
        f"{objects['missed']} missed, {objects['invented']} invented; "
        f"F1 {score(objects['f1'])}, mean IoU of those found {score(objects['mean_iou_of_found'])}"
    )
