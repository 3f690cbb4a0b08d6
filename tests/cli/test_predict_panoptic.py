"""A panoptic model from the command line: run, written in three forms, scored from each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import run
from PIL import Image

from segstudio.storage.run_definitions import RunDefinition, write_definitions

SAMPLES = Path(__file__).parents[2] / "resources" / "samples"
NAMES = ("nuclei-01-even.png", "nuclei-04-clusters.png")


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    """Two samples, and what the objects of one embedded model over another's classes are there.

    Of the truth 120 rows and columns count nowhere.
    """

    root = tmp_path_factory.mktemp("panoptic")
    images, truth = root / "pictures", root / "truth"
    (truth / "instances").mkdir(parents=True)
    images.mkdir()
    for name in NAMES:
        cv2.imwrite(str(images / name), cv2.imread(str(SAMPLES / name))[:256, :256])
        ids = cv2.imread(str(SAMPLES / "instances" / name), cv2.IMREAD_UNCHANGED)[:256, :256]
        labels = (ids > 0).astype(np.uint8)
        labels[:60, :60], ids[:60, :60] = 255, 0
        cv2.imwrite(str(truth / name), labels)
        cv2.imwrite(str(truth / "instances" / name), ids.astype(np.uint16))
    schema = {
        "classes": [{"id": 0, "name": "background"}, {"id": 1, "name": "nucleus"}],
        "ignore_index": 255,
    }
    (truth / "segstudio.json").write_text(json.dumps(schema))
    return root, images, truth


@pytest.fixture
def out(predicted, tmp_path, capsys):
    root, images, _ = predicted
    write_definitions(
        tmp_path / "home" / "config" / "runs.json",
        [
            RunDefinition(
                "both", "Both", "ensemble", ("maskrcnn-nuclei", "unet-nuclei"), {}, "panoptic"
            )
        ],
    )
    made = root / "out"
    call = ("predict", images, "--model", "both", "--save", "png,coco", "--device", "cpu")
    code, text, err = run(capsys, *call, "--out", made, "--json")
    assert (code, err) == (0, "")
    return made, json.loads(text), call


def figures(capsys, *folders):
    code, text, err = run(capsys, "evaluate", *folders, "--panoptic", "--boundary", "--json")
    assert code == 0, err
    return json.loads(text)


def close(a, b):
    return a == b or (a is not None and b is not None and abs(a - b) < 1e-9)


@pytest.mark.slow
def test_three_forms_are_written_and_give_the_same_figures(capsys, predicted, out):
    made, _, call = out
    assert sorted(p.name for p in made.iterdir()) == [
        "coco.json", "instances", *NAMES, "panoptic", "panoptic.json", "segstudio.json",
    ]  # fmt: skip
    truth = predicted[2]
    first, second = figures(capsys, made, truth), figures(capsys, made / "panoptic", truth)
    assert first["panoptic"]["pq"] > 0.4
    for name in ("pq", "sq", "rq", "pq_foreground", "sq_foreground", "rq_foreground"):
        assert close(first["panoptic"][name], second["panoptic"][name]), name
    for side in ("things", "stuff"):
        for name, value in first["panoptic"][side].items():
            assert close(value, second["panoptic"][side][name])
    for name in ("mean_iou", "pixel_accuracy", "mean_boundary_iou"):
        assert close(first[name], second[name]), name
    # a second call has nothing left to do, and one file that was lost is made again
    _, text, _ = run(capsys, *call, "--out", made, "--json")
    assert json.loads(text)["skipped"] == 2
    (made / "panoptic" / NAMES[0]).unlink()
    _, text, _ = run(capsys, *call, "--out", made, "--json")
    assert (json.loads(text)["written"], json.loads(text)["skipped"]) == (1, 1)
    _, text, _ = run(capsys, *call, "--out", made, "--overwrite", "--json")
    assert json.loads(text)["written"] == 2


def ids_of(png: Path):
    """(H, W) ids of segments, by the colours as COCO reads them."""
    blue, green, red = cv2.imread(str(png)).astype(int).transpose(2, 0, 1)
    return red + 256 * green + 65536 * blue


def check_segments(found, segments):
    """What the JSON says of each segment is what its pixels are."""
    assert set(np.unique(found)) == set(segments)
    for number, segment in segments.items():
        rows, columns = np.nonzero(found == number)
        assert segment["area"] == len(rows)
        left, top = columns.min(), rows.min()
        assert segment["bbox"] == [left, top, columns.max() - left + 1, rows.max() - top + 1]


def count_pairs(wanted, found, classes, sums):
    """Count as panopticapi's pq_compute does; -1 is void, the ground of the truth is 0."""
    names = set(np.unique(wanted)) - {-1}
    pairs = [(a, b) for a in names for b, kind in classes.items() if kind == (a > 0)]
    matched = []
    for a, b in pairs:
        both = ((wanted == a) & (found == b)).sum()
        void = ((wanted == -1) & (found == b)).sum()
        union = (wanted == a).sum() + (found == b).sum() - both - void
        if both / union > 0.5:
            matched.append((a, b))
            sums[int(a > 0)] += [1, 0, 0, both / union]
    for a in names - {a for a, _ in matched}:
        sums[int(a > 0)] += [0, 0, 1, 0]
    for b in classes.keys() - {b for _, b in matched}:
        if (wanted[found == b] == -1).mean() <= 0.5:
            sums[classes[b]] += [0, 1, 0, 0]


def by_panopticapi(made, truth):
    """PQ, SQ and RQ of background and nucleus, from the files themselves."""
    sums = np.zeros((2, 4))
    for each in json.loads((made / "panoptic.json").read_text())["annotations"]:
        name = each["file_name"]
        found, segments = (
            ids_of(made / "panoptic" / name),
            {s["id"]: s for s in each["segments_info"]},
        )
        check_segments(found, segments)
        labels = cv2.imread(str(truth / name), cv2.IMREAD_UNCHANGED)
        ids = cv2.imread(str(truth / "instances" / name), cv2.IMREAD_UNCHANGED).astype(int)
        classes = {number: s["category_id"] for number, s in segments.items()}
        count_pairs(np.where(labels == 255, -1, ids), found, classes, sums)
    tp, fp, fn, iou = sums.T
    whole = tp + fp / 2 + fn / 2
    return np.stack([iou / whole, iou / tp, tp / whole], axis=1)


def labels_in(png: Path):
    with Image.open(png) as mask:
        return np.array(mask)


@pytest.mark.slow
def test_figures_are_those_of_panopticapi_and_torchmetrics(capsys, predicted, out):
    made, truth = out[0], predicted[2]
    found = figures(capsys, made, truth)
    expected = by_panopticapi(made, truth)
    for row in found["classes"]:
        assert [row["pq"], row["sq"], row["rq"]] == pytest.approx(expected[row["id"]], abs=1e-9)
    means = expected.mean(axis=0)
    told = found["panoptic"]
    assert [told["pq"], told["sq"], told["rq"]] == pytest.approx(means, abs=1e-9)
    assert told["things"]["pq"] == pytest.approx(expected[1][0], abs=1e-9)
    assert told["stuff"]["pq"] == pytest.approx(expected[0][0], abs=1e-9)

    torchmetrics = pytest.importorskip("torchmetrics.detection")
    torch = pytest.importorskip("torch")
    measure = torchmetrics.PanopticQuality(
        things={1}, stuffs={0}, allow_unknown_preds_category=True, return_sq_and_rq=True,
        return_per_class=True,
    )  # fmt: skip
    for name in NAMES:
        sides = []
        for folder in (made, truth):
            labels, ids = labels_in(folder / name), labels_in(folder / "instances" / name)
            sides.append(torch.from_numpy(np.stack([labels, ids], -1).astype(np.int64))[None])
        measure.update(*sides)
    per_class = measure.compute().numpy()  # things first
    assert per_class[0] == pytest.approx(expected[1], abs=1e-6)
    assert per_class[1] == pytest.approx(expected[0], abs=1e-6)


def test_the_truth_may_be_coco_panoptic_too(capsys, predicted, out, tmp_path):
    """What was predicted, held against itself: every segment is found."""
    made = out[0]
    shutil.copytree(made / "panoptic", tmp_path / "val")
    shutil.copy(made / "panoptic.json", tmp_path / "val.json")
    found = figures(capsys, made / "panoptic", tmp_path / "val")
    assert found["panoptic"]["pq"] == 1.0
    assert found["panoptic"]["things"]["pq"] == found["panoptic"]["stuff"]["pq"] == 1.0
