"""Instances: detections, thresholds, tiles, memory."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from segmenters import SMALL_RCNN, image, saved, use_network
from torch import nn
from torchvision.models.detection.roi_heads import paste_masks_in_image

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import RunOptions, with_thresholds
from segstudio.core.schema import LabelSchema
from segstudio.inspection.nets.traced_model import TracedModel
from segstudio.models.detection import MaskRCNNRunner
from segstudio.models.preprocess import Preprocess
from segstudio.models.segmenter import Segmenter


def test_instances_are_torchvisions_with_masks_before_pasting(rcnn_network, rcnn_spec):
    pixels = image(100, 140)
    options = RunOptions(score_threshold=0.0, mask_threshold=0.5)
    prediction = Segmenter(rcnn_spec, device="cpu").predict(pixels, options)
    with torch.no_grad():
        (expected,) = rcnn_network([torch.from_numpy(pixels).permute(2, 0, 1) / 255])
    found = prediction.instances
    assert len(found) == len(expected["scores"]) > 3
    assert (np.diff(found.scores) <= 0).all()
    assert found.scores.min() >= 0.05
    np.testing.assert_allclose(found.scores, expected["scores"].numpy(), atol=1e-4)
    np.testing.assert_allclose(found.boxes, expected["boxes"].numpy(), atol=0.05)
    assert found.masks.shape == (len(found), 28, 28)
    pasted = paste_masks_in_image(
        torch.from_numpy(found.masks.astype(np.float32))[:, None],
        torch.from_numpy(found.boxes),
        (100, 140),
    )
    difference = (pasted > 0.5) != (expected["masks"] > 0.5)
    assert difference.float().mean() < 0.002


def test_instances_are_flattened_at_the_thresholds(rcnn_spec):
    options = RunOptions(score_threshold=0.3, mask_threshold=0.4)
    prediction = Segmenter(rcnn_spec, device="cpu").predict(image(100, 140), options)
    labels, ids, confidence = prediction.instances.flatten((100, 140), 0.3, 0.4)
    np.testing.assert_array_equal(prediction.labels, labels)
    np.testing.assert_array_equal(prediction.instance_ids, ids)
    np.testing.assert_array_equal(prediction.confidence, confidence)


def test_thresholds_change_without_running_again(rcnn_spec):
    segmenter = Segmenter(rcnn_spec, device="cpu")
    low = segmenter.predict(image(100, 140), RunOptions(score_threshold=0.0))
    middle = float(np.median(low.instances.scores))
    changed = with_thresholds(low, middle, 0.6)
    again = segmenter.predict(
        image(100, 140), RunOptions(score_threshold=middle, mask_threshold=0.6)
    )
    np.testing.assert_array_equal(changed.instance_ids, again.instance_ids)
    np.testing.assert_array_equal(changed.labels, again.labels)
    assert changed.instances is low.instances


def test_thresholds_leave_semantic_predictions_alone(unet_spec):
    prediction = Segmenter(unet_spec, device="cpu").predict(image(16, 16))
    assert with_thresholds(prediction, 0.9, 0.9) is prediction


def test_classes_that_the_schema_hides_are_left_out(rcnn_spec):
    spec = dataclasses.replace(rcnn_spec, schema=LabelSchema.from_names(["background"]))
    assert len(Segmenter(spec, device="cpu").predict(image(100, 140)).instances) == 0


@pytest.mark.parametrize("part", ["rpn.head.cls_logits", "roi_heads.box_predictor.bbox_pred"])
def test_heads_without_numbers_are_not_nothing_found(tmp_path, rcnn_network, part):
    network = copy.deepcopy(rcnn_network)
    nn.init.constant_(network.get_submodule(part).bias, float("nan"))
    spec = saved(
        tmp_path,
        network,
        task="instance",
        builder="segstudio.models.families.maskrcnn:maskrcnn",
        options=SMALL_RCNN,
        preprocess={"scaling": "unit"},
    )
    with pytest.raises(SegstudioError, match="holds no numbers") as raised:
        Segmenter(spec, device="cpu").predict(image(60, 60))
    assert part in raised.value.hint


def test_a_strip_is_not_enlarged_to_gigabytes(rcnn_network):
    """1 x 200 pixels became 512 x 102,400 (here 128 x 25,600); now the longer side is the limit."""
    for height, width in ((1, 200), (200, 1), (40, 2048)):
        shape = torch.empty(3, height, width, device="meta")
        resized, _ = rcnn_network.transform.resize(shape)
        high, wide = resized.shape[-2:]
        # 8 x 128, or 1.25 times a side that is longer already
        assert max(high, wide) == max(8 * 128, round(1.25 * max(height, width)))
        assert min(high, wide) == max(
            1, round(min(height, width) * max(high, wide) / max(height, width))
        )
    resized, _ = rcnn_network.transform.resize(torch.empty(3, 64, 500, device="meta"))
    assert tuple(resized.shape[-2:]) == (128, 1000)  # not yet 8 times as long: as before


def test_reaching_the_limit_of_objects_is_said(rcnn_spec):
    options = {**SMALL_RCNN, "box_detections_per_img": 3}
    spec = dataclasses.replace(rcnn_spec, options=options)
    prediction = Segmenter(spec, device="cpu").predict(image(100, 140))
    assert len(prediction.instances) == 3
    assert prediction.notes == ("The model reports at most 3 objects; there may be more.",)


def test_objects_of_a_large_image_are_found_once_in_tiles(rcnn_network):
    """A row of equal squares; an instance network that sees bright squares."""
    pixels = np.zeros((200, 900, 3), np.uint8)
    lefts = range(20, 880, 60)
    for left in lefts:
        pixels[80:110, left : left + 30] = 255
    runner = MaskRCNNRunner(rcnn_network, Preprocess(), torch.device("cpu"), (0, 1))

    def detect(tile, value_range):
        columns = np.flatnonzero((tile[..., 0] > 0).any(axis=0))
        runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
        rows = np.flatnonzero((tile[..., 0] > 0).any(axis=1))
        boxes = [[r[0], rows[0], r[-1] + 1, rows[-1] + 1] for r in runs if len(r)]
        scores = torch.tensor(
            [(b[2] - b[0]) / 30 for b in boxes], dtype=torch.float32
        )  # cut ones are unsure
        return module_detections(boxes, scores)

    object.__setattr__(runner, "detect", detect)
    instances, tiles, _ = runner.predict(pixels, 256, 96, lambda: None, lambda *a: None)
    assert tiles > 3
    found = sorted(instances.boxes.tolist())
    assert found == [[left, 80, left + 30, 110] for left in lefts]
    assert (instances.scores == 1).all()


def module_detections(boxes, scores):
    from segstudio.models.detection import Detections

    count = len(boxes)
    return Detections(
        torch.tensor(boxes, dtype=torch.float32).reshape(count, 4),
        scores,
        torch.ones(count, dtype=torch.int64),
        torch.ones(count, 28, 28),
    )


def test_instances_with_little_memory_run_on_a_smaller_input(monkeypatch, rcnn_spec):
    segmenter = Segmenter(rcnn_spec, device="cpu")
    segmenter.load()
    real, sides = MaskRCNNRunner.detect, []

    def detect(self, pixels, value_range):
        sides.append(self.network.transform.min_size[0])
        if len(sides) == 1:
            raise RuntimeError("CUDA out of memory")
        return real(self, pixels, value_range)

    monkeypatch.setattr(MaskRCNNRunner, "detect", detect)
    prediction = segmenter.predict(image(100, 140))
    assert sides == [128, 64]
    assert segmenter.network.transform.min_size[0] == 128
    assert prediction.notes[0] == (
        "Memory ran out on cpu, so the image was given at 50% of the size."
    )


def test_a_network_without_detections_is_refused_for_instances(unet_spec):
    spec = dataclasses.replace(unet_spec, task="instance")
    with pytest.raises(SegstudioError, match="said to find instances, but does not give boxes"):
        Segmenter(spec, device="cpu").predict(image(16, 16))


class Bright(nn.Module):
    """Finds one object, the bright pixels of an image, as torchvision's networks would."""

    def forward(self, images):
        assert isinstance(images, list)
        return [self._of(image.mean(0) > 0.5) for image in images]

    def _of(self, mask):
        rows, columns = torch.where(mask)
        if not len(rows):
            empty = torch.zeros(0)
            return {
                "boxes": torch.zeros(0, 4), "scores": empty, "labels": empty.long(),
                "masks": torch.zeros(0, 1, *mask.shape),
            }  # fmt: skip
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        return {
            "boxes": torch.tensor([[float(v) for v in box]]), "scores": torch.tensor([0.75]),
            "labels": torch.tensor([1]), "masks": mask[None, None].float(),
        }  # fmt: skip


class BrightMasks(Bright):
    """The same, and says no boxes; of what it finds besides no mask has a pixel."""

    def _of(self, mask):
        masks = torch.stack([torch.zeros_like(mask, dtype=torch.float32), mask.float()])
        if not mask.any():
            masks = masks[:1]
        count = len(masks)
        return {"scores": torch.tensor([0.9, 0.75])[:count], "labels": torch.ones(count).long(),
                "masks": masks}  # fmt: skip


def bright_triangle() -> np.ndarray:
    rows, columns = np.mgrid[:90, :120]
    return ((rows >= 20) & (rows < 76) & (columns >= 30) & (columns < 30 + rows - 19)) * np.uint8(1)


@pytest.fixture(params=[Bright, BrightMasks], ids=["boxes", "masks"])
def bright_spec(request, tmp_path, monkeypatch):
    return saved(
        tmp_path, nn.Conv2d(1, 1, 1), task="instance", family="bright", options={},
        builder=use_network(monkeypatch, request.param), preprocess={"scaling": "unit", "divisor": 16},
    )  # fmt: skip


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_any_network_that_gives_detections_finds_instances(bright_spec, scale):
    """The contract of docs/architecture.md, without a runner of the network's own."""
    spec = bright_spec
    wanted = bright_triangle()
    pixels = np.repeat(wanted[..., None] * np.uint8(255), 3, axis=2)
    options = RunOptions(input_scale=scale)
    prediction = Segmenter(spec, device="cpu").predict(pixels, options)
    assert prediction.instances.scores.tolist() == [0.75]
    np.testing.assert_allclose(prediction.instances.boxes, [[30, 20, 86, 76]], atol=2 / scale)
    differing = int((prediction.labels != wanted).sum())
    assert differing <= 0.08 / scale * int(wanted.sum())
    dark = Segmenter(spec, device="cpu").predict(np.zeros_like(pixels))
    assert len(dark.instances) == 0


def test_the_inspector_calls_such_a_network_as_it_is_run(bright_spec):
    wanted = bright_triangle()
    pixels = np.repeat(wanted[..., None] * np.uint8(255), 3, axis=2)
    trace, prediction = TracedModel(Segmenter(bright_spec, device="cpu"), pixels).look()
    assert trace.output_shape is None
    assert prediction.instances.scores.tolist() == [0.75]
    assert int((prediction.labels != wanted).sum()) <= 0.08 * int(wanted.sum())


class SameParts(nn.Module):
    """The parts of a Mask R-CNN in a class of its own."""

    def __init__(self, network):
        super().__init__()
        self.transform, self.backbone = network.transform, network.backbone
        self.rpn, self.roi_heads = network.rpn, network.roi_heads

    def forward(self, images):
        sizes = [tuple(image.shape[-2:]) for image in images]
        batch, _ = self.transform(images)
        features = self.backbone(batch.tensors)
        proposals, _ = self.rpn(batch, features)
        found, _ = self.roi_heads(features, proposals, batch.image_sizes)
        return self.transform.postprocess(found, batch.image_sizes, sizes)


def test_a_mask_rcnn_of_another_class_is_run_as_one(rcnn_network, rcnn_spec, monkeypatch):
    builder = use_network(monkeypatch, lambda: SameParts(rcnn_network))
    other = dataclasses.replace(rcnn_spec, builder=builder, options={})
    pixels = image(100, 140)
    ours, theirs = (
        Segmenter(spec, device="cpu").predict(pixels, RunOptions(score_threshold=0.0))
        for spec in (other, dataclasses.replace(rcnn_spec, options={}, builder=use_network(
            monkeypatch, lambda: rcnn_network, "torchvisions")))
    )  # fmt: skip
    assert len(ours.instances) == len(theirs.instances) > 3
    assert len(ours.notes) == len(theirs.notes)
    np.testing.assert_array_equal(ours.instances.masks, theirs.instances.masks)
    np.testing.assert_array_equal(ours.labels, theirs.labels)
