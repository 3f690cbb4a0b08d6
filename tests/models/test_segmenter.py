"""Loaded models: any size, cancel, memory, instances, and files that do not fit."""

import dataclasses
import sys
import types

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models.detection.roi_heads import paste_masks_in_image

from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.core.prediction import ModelSpec, RunOptions, WeightsFile, with_thresholds
from segstudio.core.schema import LabelSchema
from segstudio.models import segmenter as module
from segstudio.models.detection import InstanceRunner
from segstudio.models.devices import is_out_of_memory, resolve_device
from segstudio.models.preprocess import Preprocess
from segstudio.models.registry import registry
from segstudio.models.segmenter import Segmenter
from segstudio.models.segmenter_cache import SegmenterCache
from segstudio.models.torchvision_nets import deeplabv3, maskrcnn
from segstudio.models.unet import UNet

SCHEMA = LabelSchema.from_names(["background", "cell"])
UNET = {"num_classes": 2, "base_channels": 4, "depth": 2}
SMALL_RCNN = {
    "backbone": "resnet18_small", "num_classes": 2, "pyramid_channels": 16, "box_channels": 16,
    "mask_channels": 8, "blocks": [1, 1, 1], "short_side": 128, "min_scale": 1.25,
    "box_score_thresh": 0.05, "box_detections_per_img": 40,
}  # fmt: skip


def image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def saved(tmp_path, network, **fields):
    path = tmp_path / f"{fields.get('id', 'm')}.safetensors"
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, path)
    values = {
        "id": "m", "title": "Model M", "family": "unet", "task": "semantic", "schema": SCHEMA,
        "builder": "segstudio.models.unet:UNet", "options": UNET,
        "preprocess": {"scaling": "unit", "divisor": 4}, **fields,
    }  # fmt: skip
    return ModelSpec(**values, weights=WeightsFile(str(path)))


@pytest.fixture
def unet_spec(tmp_path):
    torch.manual_seed(0)
    return saved(tmp_path, UNet(**UNET))


@pytest.fixture(scope="module")
def rcnn_network():
    torch.manual_seed(4)
    network = maskrcnn(**SMALL_RCNN).eval()
    # untrained heads say nothing: make every proposal an object, with masks of their own
    nn.init.constant_(network.roi_heads.box_predictor.cls_score.bias[1:], 1.0)
    nn.init.normal_(network.roi_heads.mask_predictor.mask_fcn_logits.weight, std=0.6)
    return network


@pytest.fixture
def rcnn_spec(tmp_path, rcnn_network):
    return saved(
        tmp_path,
        rcnn_network,
        id="r",
        family="maskrcnn",
        task="instance",
        builder="segstudio.models.torchvision_nets:maskrcnn",
        options=SMALL_RCNN,
        preprocess={"scaling": "unit"},
    )


def use_network(monkeypatch, make, name="made_for_test"):
    """Let a spec build `make()`, with whatever weights it has."""
    fake = types.ModuleType(name)
    fake.build = make
    monkeypatch.setitem(sys.modules, name, fake)
    monkeypatch.setattr(module, "load_into", lambda *a: None)
    return f"{name}:build"


@pytest.mark.parametrize("size", [(1, 1), (1, 57), (33, 40), (64, 64), (130, 71)])
def test_any_size_gives_maps_of_the_images_size(unet_spec, size):
    prediction = Segmenter(unet_spec, device="cpu").predict(image(*size))
    assert prediction.labels.shape == size
    assert prediction.confidence.shape == size
    assert prediction.labels.dtype == prediction.confidence.dtype == np.uint8
    assert prediction.confidence.min() >= 127
    assert (prediction.run, prediction.title, prediction.device) == ("m", "Model M", "cpu")
    assert prediction.seconds > 0
    assert prediction.notes == ()
    assert prediction.instances is None


def test_a_prediction_is_the_networks_argmax(unet_spec):
    torch.manual_seed(0)
    network = UNet(**UNET).eval()
    pixels = image(64, 48)
    with torch.no_grad():
        logits = network(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)
    prediction = Segmenter(unet_spec, device="cpu").predict(pixels)
    probability = logits.softmax(1)[0]
    np.testing.assert_array_equal(prediction.labels, probability.argmax(0).numpy())
    expected = probability.max(0).values.numpy() * 255
    assert np.abs(prediction.confidence - expected).max() <= 0.6


def test_predictions_are_repeatable(unet_spec):
    segmenter = Segmenter(unet_spec, device="cpu")
    first, second = segmenter.predict(image(90, 70)), segmenter.predict(image(90, 70))
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.confidence, second.confidence)


def test_large_images_go_through_tiles_and_say_so(unet_spec):
    segmenter = Segmenter(unet_spec, device="cpu")
    pixels = image(300, 420)
    whole = segmenter.predict(pixels)
    tiled = segmenter.predict(pixels, RunOptions(tile_px=256, overlap_px=128))
    np.testing.assert_array_equal(tiled.labels, whole.labels)
    assert tiled.notes == ("Cut into 6 overlapping tiles of 256 pixels.",)


def test_logits_are_resampled_not_labels(tmp_path):
    """A step between two classes, 2 pixels wide for the network, lies in the middle at 8 pixels."""
    network = nn.Conv2d(3, 2, 1)
    with torch.no_grad():
        network.weight.zero_()
        network.weight[1, 0] = 1.0
        network.bias.copy_(torch.tensor([0.25, 0.0]))
    runner = module.SemanticRunner(network, Preprocess(factor=0.25), torch.device("cpu"))
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 4:, 0] = 255
    logits = runner.logits(pixels)
    assert logits.shape == (1, 2, 4, 8)
    ramp = logits[0, 1, 0].tolist()
    assert ramp == sorted(ramp)
    assert len(set(ramp)) > 2  # nearest neighbours would give two values


def test_torchvision_networks_answer_with_a_mapping(tmp_path):
    options = {"backbone": "mobilenet_v3_large", "num_classes": 3, "aspp_channels": 8}
    torch.manual_seed(0)
    spec = saved(
        tmp_path,
        deeplabv3(**options),
        builder="segstudio.models.torchvision_nets:deeplabv3",
        options=options,
        schema=LabelSchema.from_names("abc"),
        preprocess={"scaling": "unit", "short_side": 64},
    )
    prediction = Segmenter(spec, device="cpu").predict(image(80, 120))
    assert prediction.labels.shape == (80, 120)


def test_one_logit_is_class_1_against_background(monkeypatch, unet_spec):
    class Bright(nn.Module):
        def forward(self, x):
            return (x[:, :1] - 0.5) * 20

    builder = use_network(monkeypatch, Bright)
    spec = dataclasses.replace(unet_spec, builder=builder, options={})
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 3:] = 255
    prediction = Segmenter(spec, device="cpu").predict(pixels)
    assert prediction.labels.tolist() == [[0, 0, 0, 1, 1, 1, 1, 1]] * 4


# --- cancel, progress, failures


def test_cancel_stops_inside_the_network(unet_spec):
    segmenter = Segmenter(unet_spec, device="cpu")
    segmenter.load()
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 12:
            raise CancelledError

    with pytest.raises(CancelledError):
        segmenter.predict(image(64, 64), None, check)
    assert len(calls) == 12
    assert segmenter.predict(image(64, 64)).labels.shape == (64, 64)


def test_a_failure_names_the_model_and_the_file(monkeypatch, unet_spec):
    class Broken(nn.Module):
        def forward(self, x):
            raise ValueError("no good")

    builder = use_network(monkeypatch, Broken)
    spec = dataclasses.replace(unet_spec, builder=builder, options={})
    with pytest.raises(SegstudioError, match=r"Model M failed on cells/a\.png \(no good\)"):
        Segmenter(spec, device="cpu").predict(image(8, 8), name="cells/a.png")


def test_missing_and_unfitting_weights_are_named(tmp_path, unet_spec):
    with pytest.raises(SegstudioError, match=r"none\.pth is not there"):
        Segmenter(unet_spec, tmp_path / "none.pth", "cpu").load()
    other = dataclasses.replace(unet_spec, options={**UNET, "num_classes": 5})
    with pytest.raises(SegstudioError, match=r"m\.safetensors does not fit.*outc\.conv\.weight"):
        Segmenter(other, device="cpu").load()


def test_a_builder_that_is_not_there_is_named(unet_spec):
    spec = dataclasses.replace(unet_spec, builder="no_such_package:Net")
    with pytest.raises(SegstudioError, match="no_such_package:Net"):
        Segmenter(spec, device="cpu").load()


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:99"])
def test_devices_that_are_not_there_are_refused(name):
    with pytest.raises(SegstudioError, match="Choose"):
        resolve_device(name)


# --- memory


class Hungry(nn.Module):
    """Runs out of memory on inputs with more than `limit` pixels a side."""

    limit = 300
    message = "CUDA out of memory. Tried to allocate 20.00 GiB"
    seen: list[int]

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        side = max(x.shape[-2:])
        self.seen.append(side)
        if side > self.limit:
            raise torch.OutOfMemoryError(self.message)
        return torch.cat([1 - x[:, :1], x[:, :1]], 1)


def hungry(monkeypatch, spec, **attributes):
    made = []

    def make():
        network = Hungry()
        for name, value in attributes.items():
            setattr(network, name, value)
        made.append(network)
        return network

    builder = use_network(monkeypatch, make)
    return dataclasses.replace(spec, builder=builder, options={}), made


def test_out_of_memory_makes_the_tiles_smaller_and_says_so(monkeypatch, unet_spec):
    spec, made = hungry(monkeypatch, unet_spec)
    pixels = np.zeros((640, 1100, 3), np.uint8)
    pixels[:, 500:] = 255
    prediction = Segmenter(spec, device="cpu").predict(pixels)
    assert made[0].seen[:2] == [1100, 552]  # the whole image, then a half, padded to fours
    assert max(made[0].seen[2:]) <= 300
    np.testing.assert_array_equal(prediction.labels, (pixels[..., 0] > 0).astype(np.uint8))
    assert prediction.notes[0] == "Memory ran out on cpu, so the tiles were made smaller."


def test_after_the_smallest_tile_comes_the_cpu(monkeypatch, unet_spec):
    """The second device is one that every computer has; it refuses everything."""
    spec, made = hungry(monkeypatch, unet_spec)
    segmenter = Segmenter(spec, device="cpu")
    segmenter.device = torch.device("cuda")
    tried = []

    def move(network, device):
        tried.append(device.type)
        network.limit = 0 if device.type == "cuda" else 10_000
        return network

    monkeypatch.setattr(module, "_move", move)
    monkeypatch.setattr(module, "release_memory", lambda device: None)
    monkeypatch.setattr(Segmenter, "_run_semantic", on_cpu(Segmenter._run_semantic))
    prediction = segmenter.predict(np.zeros((1024, 900, 3), np.uint8))
    assert made[0].seen == [1024, 512, 256, 1024]
    assert tried == ["cuda"] * 4 + ["cpu"]  # once to load, three tries, then the CPU
    assert prediction.device == "cpu"
    assert prediction.notes == ("Memory ran out on cuda, so it ran on the CPU.",)


def on_cpu(method):
    """Run a method of Segmenter with its attempt's tensors on the CPU, whatever it says."""

    def run(self, network, pixels, attempt, options, report):
        attempt = dataclasses.replace(attempt, device=torch.device("cpu"))
        return method(self, network, pixels, attempt, options, report)

    return run


def test_when_nothing_helps_the_file_is_named(monkeypatch, unet_spec):
    spec, _ = hungry(monkeypatch, unet_spec, limit=0)
    with pytest.raises(SegstudioError, match=r"not enough memory to run Model M on a\.png"):
        Segmenter(spec, device="cpu").predict(image(300, 300), name="a.png")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("x"), True),
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, expected):
    assert is_out_of_memory(error) is expected


# --- instances


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
    runner = InstanceRunner(rcnn_network, Preprocess(), torch.device("cpu"), (0, 1))

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
    real, sides = InstanceRunner.detect, []

    def detect(self, pixels, value_range):
        sides.append(self.network.transform.min_size[0])
        if len(sides) == 1:
            raise RuntimeError("CUDA out of memory")
        return real(self, pixels, value_range)

    monkeypatch.setattr(InstanceRunner, "detect", detect)
    prediction = segmenter.predict(image(100, 140))
    assert sides == [128, 64]
    assert segmenter.network.transform.min_size[0] == 128
    assert prediction.notes[0] == (
        "Memory ran out on cpu, so the image was given at 50% of the size."
    )


def test_a_network_that_is_no_mask_rcnn_is_refused_for_instances(unet_spec):
    spec = dataclasses.replace(unet_spec, task="instance")
    with pytest.raises(SegstudioError, match="no Mask R-CNN"):
        Segmenter(spec, device="cpu").predict(image(16, 16))


# --- the cache


def test_the_cache_keeps_the_last_used_within_its_bytes(tmp_path):
    torch.manual_seed(0)
    specs = [saved(tmp_path, UNet(**UNET), id=name) for name in "abc"]
    size = Segmenter(specs[0], device="cpu")
    size.load()
    cache = SegmenterCache(max_bytes=int(2.5 * size.nbytes))
    a, b = cache.get(specs[0], "cpu"), cache.get(specs[1], "cpu")
    assert cache.get(specs[0], "cpu") is a
    cache.get(specs[2], "cpu")  # b was used longest ago
    assert cache.nbytes == 2 * size.nbytes
    assert cache.get(specs[0], "cpu") is a
    assert cache.get(specs[1], "cpu") is not b
    cache.clear()
    assert cache.nbytes == 0


def test_the_cache_keeps_a_model_that_is_larger_than_its_bytes(unet_spec):
    cache = SegmenterCache(max_bytes=1)
    assert cache.get(unet_spec, "cpu") is cache.get(unet_spec, "cpu")


def test_the_cache_forgets_models_that_fail_to_load(unet_spec, tmp_path):
    cache = SegmenterCache()
    with pytest.raises(SegstudioError):
        cache.get(unet_spec, "cpu", tmp_path / "none.pth")
    assert cache.nbytes == 0


@pytest.mark.parametrize("model_id", ["unet-nuclei", "deeplab-nuclei", "maskrcnn-nuclei"])
def test_embedded_models_load_completely_and_run(model_id):
    prediction = Segmenter(registry()[model_id], device="cpu").predict(image(96, 128))
    assert prediction.labels.shape == (96, 128)
    assert set(np.unique(prediction.labels)) <= {0, 1}
