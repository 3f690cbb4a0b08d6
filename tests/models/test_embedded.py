"""The embedded models do on the embedded samples what their cards promise on nuclei."""

import numpy as np
import pytest
from PIL import Image

from segstudio.core.prediction import RunOptions
from segstudio.models.registry import registry
from segstudio.models.segmenter import Segmenter
from segstudio.resources import resource_path

EASY = ("nuclei-01-even", "nuclei-02-sparse", "nuclei-06-large", "nuclei-11-debris")
LEAST_IOU = {"unet-nuclei": 0.85, "deeplab-nuclei": 0.78, "maskrcnn-nuclei": 0.75}


def _sample(name: str) -> tuple[np.ndarray, np.ndarray]:
    with Image.open(resource_path("samples", f"{name}.png")) as file:
        pixels = np.asarray(file.convert("RGB"))
    with Image.open(resource_path("samples", "instances", f"{name}.png")) as file:
        return pixels, np.asarray(file).astype(np.int64)


@pytest.mark.parametrize("model_id", sorted(LEAST_IOU))
def test_nucleus_iou_on_the_samples(model_id):
    segmenter = Segmenter(registry()[model_id], device="cpu")
    overlap = union = 0
    for name in EASY:
        pixels, ids = _sample(name)
        found = segmenter.predict(pixels, RunOptions(device="cpu")).labels == 1
        overlap += np.count_nonzero(found & (ids > 0))
        union += np.count_nonzero(found | (ids > 0))
    assert LEAST_IOU[model_id] <= overlap / union < 1.0


def test_mask_rcnn_finds_most_nuclei_one_by_one():
    segmenter = Segmenter(registry()["maskrcnn-nuclei"], device="cpu")
    pixels, ids = _sample("nuclei-01-even")
    prediction = segmenter.predict(pixels, RunOptions(device="cpu"))
    assert prediction.instance_ids is not None
    found = 0
    for number in range(1, ids.max() + 1):
        truth = ids == number
        best = np.bincount(prediction.instance_ids[truth])
        best[0] = 0
        match = prediction.instance_ids == best.argmax()
        iou = np.count_nonzero(truth & match) / np.count_nonzero(truth | match)
        found += best.max() > 0 and iou > 0.5
    assert found >= 0.75 * ids.max()


def test_weights_are_float16_and_thirty_megabytes_at_most():
    files = sorted(resource_path("models").glob("*.safetensors"))
    assert len(files) == 3
    assert sum(file.stat().st_size for file in files) <= 30e6
    for file in files:
        assert file.with_suffix(".md").is_file()
