"""Scoring trained networks on whole images, through the complete way of prediction."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor, nn

from segstudio.models.preprocess import Preprocess, restore
from segstudio.models.semantic import as_logits
from segstudio.training.data import Sample

UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
MAX_DETECTIONS = 1000
SCORE_THRESHOLD = 0.5


@dataclass(frozen=True)
class Counts:
    """Pixels found rightly, found wrongly and missed, of one class in one image."""

    tp: int
    fp: int
    fn: int

    @classmethod
    def of(cls, found: Bool, wanted: Bool) -> Counts:
        """Count two bool masks (H, W)."""
        tp = int((found & wanted).sum())
        return cls(tp, int(found.sum()) - tp, int(wanted.sum()) - tp)

    @property
    def iou(self) -> float:
        """Intersection over union; nan if the class is in neither."""
        union = self.tp + self.fp + self.fn
        return self.tp / union if union else float("nan")

    @property
    def dice(self) -> float:
        """2 TP / (2 TP + FP + FN); nan if the class is in neither."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else float("nan")


def summary(counts: Sequence[Counts]) -> dict[str, float]:
    """Return iou and dice of the summed counts and the mean of the images' iou (without nan)."""
    total = Counts(*(sum(getattr(c, k) for c in counts) for k in ("tp", "fp", "fn")))
    each = [c.iou for c in counts if not np.isnan(c.iou)]
    mean = float(np.mean(each)) if each else float("nan")
    return {"iou": total.iou, "dice": total.dice, "mean_image_iou": mean}


def by_group(
    groups: Sequence[str], score: Callable[[list[int]], dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Apply a score to the indices of all images ("all") and of each group, with their number."""
    parts = {"all": list(range(len(groups)))}
    for name in sorted(set(groups)):
        parts[name] = [i for i, group in enumerate(groups) if group == name]
    return {name: {"images": len(part), **score(part)} for name, part in parts.items()}


@torch.inference_mode()
def predict_classes(model: nn.Module, preprocess: Preprocess, image: UInt8) -> UInt8:
    """Return class ids, uint8 (H, W), for an image, uint8 RGB (H, W, 3)."""
    x, geometry = preprocess.prepare(image)
    logits = restore(as_logits(model(x)), geometry)
    return logits[0].argmax(0).to(torch.uint8).numpy()


@torch.inference_mode()
def predict_instances(
    model: nn.Module, preprocess: Preprocess, image: UInt8
) -> tuple[Bool, npt.NDArray[np.float32]]:
    """Return masks, bool (K, H, W), and scores, float32 (K,), best first."""
    x, _ = preprocess.prepare(image)
    out: dict[str, Tensor] = model([x[0]])[0]
    masks = (out["masks"][:, 0] > 0.5).numpy()
    return masks, out["scores"].numpy()


def evaluate_semantic(
    model: nn.Module, preprocess: Preprocess, samples: Sequence[Sample], groups: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Score foreground (id > 0) on samples, for all and for each group."""
    counts = [
        Counts.of(predict_classes(model, preprocess, s.image) > 0, s.target > 0) for s in samples
    ]
    return by_group(groups, lambda part: summary([counts[i] for i in part]))


def evaluate_instances(
    model: nn.Module, preprocess: Preprocess, samples: Sequence[Sample], groups: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Score instances by mask AP, and their union by pixels, for all and for each group."""
    counts, truth, found = [], [], []
    for sample in samples:
        masks, scores = predict_instances(model, preprocess, sample.image)
        union = np.logical_or.reduce(masks[scores >= SCORE_THRESHOLD], axis=0)
        counts.append(Counts.of(union, sample.target > 0))
        truth.append(encode(instance_masks(sample.target)))
        found.append((encode(masks), scores.tolist()))

    def score(part: list[int]) -> dict[str, float]:
        precision = average_precision([truth[i] for i in part], [found[i] for i in part])
        return precision | summary([counts[i] for i in part])

    return by_group(groups, score)


def instance_masks(ids: npt.NDArray[Any]) -> Iterable[Bool]:
    """Yield the bool mask (H, W) of every id but 0."""
    for value in np.unique(ids):
        if value:
            yield ids == value


def encode(masks: Iterable[Bool]) -> list[dict[str, Any]]:
    """Return COCO run lengths of bool masks (H, W)."""
    return [coco_mask.encode(np.asfortranarray(mask, np.uint8)) for mask in masks]


def average_precision(
    truth: Sequence[Sequence[Mapping[str, Any]]],
    found: Sequence[tuple[Sequence[Mapping[str, Any]], Sequence[float]]],
) -> dict[str, float]:
    """Return COCO's mask AP with up to 1000 detections an image.

    Args:
        truth: per image, the run lengths of its objects.
        found: per image, run lengths and scores.

    Returns:
        ap50, ap75 and ap (mean over IoU 0.5 to 0.95), by 101 recall points.
    """
    annotations = [
        {
            "id": 0,
            "image_id": i,
            "category_id": 1,
            "iscrowd": 0,
            "segmentation": rle,
            "area": float(coco_mask.area(rle)),
            "bbox": coco_mask.toBbox(rle).tolist(),
        }
        for i, objects in enumerate(truth)
        for rle in objects
    ]
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    results = [
        {"image_id": i, "category_id": 1, "segmentation": rle, "score": score}
        for i, (masks, scores) in enumerate(found)
        for rle, score in zip(masks, scores, strict=True)
    ]
    if not annotations or not results:
        nothing = float("nan") if not annotations else 0.0
        return {"ap50": nothing, "ap75": nothing, "ap": nothing}
    images = [
        {"id": i, "height": size[0], "width": size[1]}
        for i, objects in enumerate(truth)
        for size in [objects[0]["size"] if objects else (0, 0)]
    ]
    precision = _coco_precision(images, annotations, results)
    return {
        "ap50": float(precision[0].mean()),
        "ap75": float(precision[5].mean()),
        "ap": float(precision.mean()),
    }


def _coco_precision(
    images: list[dict[str, Any]], annotations: list[dict[str, Any]], results: list[dict[str, Any]]
) -> npt.NDArray[np.float64]:
    """Run COCOeval and return its precision, (10 IoUs, 101 recalls)."""
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = {
            "info": {},
            "images": images,
            "categories": [{"id": 1, "name": "object"}],
            "annotations": annotations,
        }
        reference.createIndex()
        evaluation = COCOeval(reference, reference.loadRes(results), "segm")
        evaluation.params.maxDets = [1, 100, MAX_DETECTIONS]
        evaluation.evaluate()
        evaluation.accumulate()
    precision: npt.NDArray[np.float64] = evaluation.eval["precision"][:, :, 0, 0, -1]
    return precision
