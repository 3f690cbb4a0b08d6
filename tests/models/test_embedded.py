"""The embedded models do on the embedded samples what their cards promise on nuclei."""

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from slow_cases import few

from segstudio.core.prediction import RunOptions
from segstudio.models.registry import registry
from segstudio.models.segmenter import Segmenter
from segstudio.resources import resource_path
from tools.lesson_models import LESSONS

EASY = ("nuclei-01-even", "nuclei-02-sparse", "nuclei-06-large", "nuclei-11-debris")
LEAST_IOU = {"unet-nuclei": 0.85, "deeplab-nuclei": 0.78, "maskrcnn-nuclei": 0.75}


def _sample(name: str) -> tuple[np.ndarray, np.ndarray]:
    with Image.open(resource_path("samples", f"{name}.png")) as file:
        pixels = np.asarray(file.convert("RGB"))
    with Image.open(resource_path("samples", "instances", f"{name}.png")) as file:
        return pixels, np.asarray(file).astype(np.int64)


@pytest.mark.parametrize("model_id", few(LEAST_IOU, {"unet-nuclei"}))
@pytest.mark.parametrize("names", [EASY[-1:], pytest.param(EASY, marks=pytest.mark.slow)])
def test_nucleus_iou_on_the_samples(model_id, names):
    """On the hardest of the easy ones; where there is time, on all of them."""
    segmenter = Segmenter(registry()[model_id], device="cpu")
    overlap = union = 0
    for name in names:
        pixels, ids = _sample(name)
        found = segmenter.predict(pixels, RunOptions(device="cpu")).labels == 1
        overlap += np.count_nonzero(found & (ids > 0))
        union += np.count_nonzero(found | (ids > 0))
    assert LEAST_IOU[model_id] <= overlap / union < 1.0


@pytest.mark.slow
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


def test_weights_are_small_whole_and_have_cards():
    files = sorted(resource_path("models").glob("*.safetensors"))
    assert {file.stem for file in files} == {*LEAST_IOU, *LESSONS}
    assert sum(file.stat().st_size for file in files) <= 30e6
    for file in files:
        card = file.with_suffix(".md").read_text(encoding="utf-8")
        assert f"`{file.stem}`" in card
        assert "**Licence.** Apache-2.0 (weights); data CC0." in card
        tensors = load_file(file)
        assert all(np.isfinite(tensor).all() for tensor in tensors.values())
        weights = [tensor for tensor in tensors.values() if tensor.dtype.kind == "f"]
        assert {tensor.dtype for tensor in weights} <= {np.dtype(np.float16), np.dtype(np.float32)}
        if file.stem in LESSONS:
            assert file.stat().st_size < 1e6
