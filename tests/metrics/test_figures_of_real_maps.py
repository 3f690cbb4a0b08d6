"""Figures of real label maps against scikit-learn, pycocotools, SciPy and the boundary IoU paper."""

import contextlib
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage
from sklearn import metrics as sklearn_metrics

from segstudio.core.candidate import Candidate
from segstudio.core.labels import LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.metrics.boundary import BOUNDARY
from segstudio.metrics.detection_curves import DETECTIONS, average_precision
from segstudio.metrics.image_figures import FolderFigures, figures_of
from segstudio.metrics.surface_distance import HAUSDORFF

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.data

CAMVID = LabelSchema.from_names([f"class {i}" for i in range(12)], ignore_index=11)
NUCLEI = LabelSchema.from_names(["background", "nucleus"])


def read(folder, step, most):
    files = sorted((DATA / folder).glob("*.png")) if (DATA / folder).is_dir() else []
    if not files:
        pytest.skip(f"needs the data in {folder}")
    return [np.asarray(cv2.imread(str(f), cv2.IMREAD_UNCHANGED)) for f in files[::step][:most]]


def distorted(truth, rng):
    """Moved, smoothed and with noise, as a prediction errs."""
    moved = cv2.medianBlur(np.roll(truth, (2, 3), (0, 1)), 5)
    noise = rng.random(truth.shape) < 0.01
    moved[noise] = rng.integers(0, truth.max() + 1, int(noise.sum()))
    return moved


@pytest.fixture(scope="module")
def streets():
    rng = np.random.default_rng(0)
    return [(m, np.minimum(distorted(m, rng), 10)) for m in read("camvid/valannot", 30, 3)]


@pytest.fixture(scope="module")
def cells():
    """Instance maps, those of a prediction, and its scores."""
    rng = np.random.default_rng(1)
    found = []
    for truth in read("nuclei/instances", 60, 8):
        ids = truth.astype(np.uint16)
        other = np.roll(ids, (1, 2), (0, 1))
        other[np.isin(other, np.arange(0, ids.max() + 1, 5))] = 0
        last = int(ids.max())
        other[:7, :9] = last + 1
        found.append((ids, other, rng.uniform(0.1, 1, last + 1).astype(np.float32)))
    return found


def test_scikit_learn(streets):
    wanted = [i for i in range(12) if i != 11]
    folder = FolderFigures.of(
        [figures_of(LabelMap(t), Candidate(p), CAMVID) for t, p in streets], wanted
    )
    truth = np.concatenate([t.ravel() for t, _ in streets])
    prediction = np.concatenate([p.ravel() for _, p in streets])
    used = truth != 11
    truth, prediction = truth[used], prediction[used]
    assert np.array_equal(
        folder.matrix.counts[:11, :11],
        sklearn_metrics.confusion_matrix(truth, prediction, labels=wanted),
    )
    options = {"labels": wanted, "average": None, "zero_division": np.nan}
    present = np.isin(wanted, truth) | np.isin(wanted, prediction)
    iou = sklearn_metrics.jaccard_score(truth, prediction, labels=wanted, average=None)
    np.testing.assert_allclose(folder.metrics.iou[present], iou[present])
    dice = sklearn_metrics.f1_score(truth, prediction, **options)
    np.testing.assert_allclose(folder.metrics.dice, dice)
    accuracy = sklearn_metrics.accuracy_score(truth, prediction)
    assert folder.metrics.pixel_accuracy == pytest.approx(accuracy)


def test_boundary_iou_by_the_paper_s_definition(streets):
    """The pixels of each mask within d of its contour, d 2 % of the diagonal (Cheng et al.)."""
    both, either = np.zeros((2, 11))
    for truth, prediction in streets:
        distance = round(0.02 * np.hypot(*truth.shape))
        for i in range(11):
            rings = []
            for mask in (truth == i, (prediction == i) & (truth != 11)):
                far = ndimage.distance_transform_cdt(np.pad(mask, 1), "chessboard")[1:-1, 1:-1]
                rings.append(mask & (far <= distance))
            both[i] += (rings[0] & rings[1]).sum()
            either[i] += (rings[0] | rings[1]).sum()
    images = [figures_of(LabelMap(t), Candidate(p), CAMVID, [BOUNDARY]) for t, p in streets]
    found = FolderFigures.of(images, range(11)).values.by_class["boundary_iou"]
    expected = np.divide(both, either, out=np.full(11, np.nan), where=either > 0)
    np.testing.assert_allclose(found, expected)


def test_hausdorff_by_scipy(streets):
    truth, prediction = streets[0]
    found = figures_of(LabelMap(truth), Candidate(prediction), CAMVID, [HAUSDORFF])
    for i in range(11):
        masks = (truth == i, (prediction == i) & (truth != 11))
        present = [m.any() for m in masks]
        if not all(present):
            expected = np.hypot(*truth.shape) if any(present) else np.nan
        else:
            edges = [m ^ ndimage.binary_erosion(m) for m in masks]
            expected = max(
                np.percentile(ndimage.distance_transform_edt(~b)[a], 95)
                for a, b in (edges, edges[::-1])
            )
        assert found.part(HAUSDORFF).mean([i])[0] == pytest.approx(expected, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("kind", ["mask", "box"])
def test_pycocotools(cells, kind):
    from pycocotools import mask as coco_mask
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def shapes(ids):
        for number in np.unique(ids[ids > 0]).tolist():
            code = coco_mask.encode(np.asfortranarray((ids == number).astype(np.uint8)))
            yield number, code, coco_mask.toBbox(code).tolist()

    annotations, results = [], []
    for image, (ids, other, scores) in enumerate(cells):
        for _, code, box in shapes(ids):
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": 1, "iscrowd": 0,
                 "segmentation": code, "bbox": box, "area": float(coco_mask.area(code))}
            )  # fmt: skip
        for number, code, box in shapes(other):
            shape = {"segmentation": code} if kind == "mask" else {}
            score = float(scores[number - 1])
            results.append(
                {"image_id": image, "category_id": 1, "bbox": box, "score": score, **shape}
            )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        sizes = [
            {"id": i, "height": c[0].shape[0], "width": c[0].shape[1]} for i, c in enumerate(cells)
        ]
        coco.dataset = {"images": sizes, "annotations": annotations, "categories": [{"id": 1}]}
        coco.createIndex()
        how = {"mask": "segm", "box": "bbox"}[kind]
        evaluation = COCOeval(coco, coco.loadRes(results), how)
        evaluation.params.maxDets = [5000]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    expected = evaluation.eval["precision"][:, :, 0, 0, 0].mean(axis=1)
    images = [
        figures_of(
            LabelMap((ids > 0).astype(np.uint8), ids),
            Candidate((other > 0).astype(np.uint8), other, scores=scores),
            NUCLEI,
            [DETECTIONS],
        )
        for ids, other, scores in cells
    ]
    matches = FolderFigures.of(images, (0, 1)).part(DETECTIONS)
    found = average_precision(matches, (0, 1), kind)
    assert 0.2 < expected[0] < 1
    np.testing.assert_allclose(found.table[1], expected, atol=1e-9)
