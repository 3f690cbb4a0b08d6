"""A user's own weights: what they are is told from their names and shapes."""

import json

import pytest
import torch
from safetensors.torch import save_file

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.models.checkpoints import load_into, load_state
from segstudio.models.recognition import recognise
from segstudio.models.registry import registry, spec_from_weights
from segstudio.models.segmenter import resolve_builder
from segstudio.models.torchvision_nets import deeplabv3, maskrcnn
from segstudio.models.unet import UNet


def shapes_of(network):
    return {k: tuple(v.shape) for k, v in network.state_dict().items()}


def on_meta(build, **options):
    """A network without memory for its weights: only names and shapes matter."""
    with torch.device("meta"):
        return build(**options)


@pytest.mark.parametrize("upsampling", ["transposed", "bilinear", "pixel_shuffle"])
@pytest.mark.parametrize(("depth", "classes", "skips"), [(4, 2, True), (3, 5, True), (2, 1, False)])
def test_unets(upsampling, depth, classes, skips):
    options = {
        "in_channels": 3,
        "num_classes": classes,
        "base_channels": 8,
        "depth": depth,
        "upsampling": upsampling,
        **({} if skips else {"skips": False}),
    }
    family, found = recognise(shapes_of(on_meta(UNet, **options)), "w.pth")
    assert found.options == options
    assert (family.key, family.task, found.num_classes) == ("unet", "semantic", classes)
    assert found.preprocess["divisor"] == 2**depth


@pytest.mark.parametrize(
    "options",
    [
        {"backbone": "mobilenet_v3_large", "num_classes": 21, "aux": True},
        {"backbone": "mobilenet_v3_large", "num_classes": 2, "aux": False, "reduced_tail": True},
        {"backbone": "resnet50", "num_classes": 5, "aux": True},
        {"backbone": "resnet101", "num_classes": 3, "aux": False, "aspp_channels": 64},
    ],
)
def test_deeplabs(options):
    family, found = recognise(shapes_of(on_meta(deeplabv3, **options)), "w.pth")
    assert found.options == {"aspp_channels": 256, **options}
    assert (family.key, family.task) == ("deeplab", "semantic")


@pytest.mark.parametrize("backbone", ["resnet50", "resnet50_v2"])
def test_mask_rcnns(backbone):
    network = on_meta(maskrcnn, backbone=backbone, num_classes=4)
    family, found = recognise(shapes_of(network), "w.pth")
    assert found.options == {"backbone": backbone, "num_classes": 4}
    assert (family.key, family.task) == ("maskrcnn", "instance")
    # a plain dict has lost torch's version marks, as every safetensors file has
    load_into(network, dict(network.state_dict()))


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"roi_heads.box_predictor.cls_score.weight": (91, 1024)}, "Faster R-CNN"),
        ({"encoder.x": (1,), "segmentation_head.0.weight": (2, 16, 3, 3)}, "segmentation_models"),
        ({"classifier.4.weight": (21, 512, 1, 1)}, "FCN"),
        ({"layer1.weight": (3,), "other.bias": (4,)}, "layer1.weight, other.bias"),
    ],
)
def test_what_is_not_known_is_described(shapes, words):
    with pytest.raises(SegstudioError, match=rf"w\.pth is not recognised.*{words}"):
        recognise(shapes, "w.pth")


def test_a_unet_for_grey_images_is_refused_with_its_reason():
    shapes = shapes_of(on_meta(UNet, in_channels=1, base_channels=8, depth=2))
    with pytest.raises(SegstudioError, match="images of 1 channel;"):
        recognise(shapes, "w.pth")


@pytest.fixture
def unet_file(tmp_path):
    torch.manual_seed(0)
    state = UNet(num_classes=3, base_channels=4, depth=3, upsampling="bilinear").state_dict()
    path = tmp_path / "mine.pth"
    torch.save({"epoch": 4, "state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    return path


def test_a_recognised_file_can_be_built_and_loaded(unet_file):
    spec = spec_from_weights(unet_file)
    assert spec.id == "mine"
    assert spec.title == "U-Net (mine.pth)"
    assert spec.schema.ids == (0, 1, 2)
    assert spec.schema.ignore_index is None
    assert spec.weights.filename == str(unet_file)
    load_into(resolve_builder(spec.builder)(**spec.options), load_state(unet_file))


def test_safetensors_are_recognised_without_reading_the_tensors(tmp_path):
    state = UNet(num_classes=2, base_channels=4, depth=2).state_dict()
    save_file({f"model.{k}": v for k, v in state.items()}, tmp_path / "a.safetensors")
    spec = spec_from_weights(tmp_path / "a.safetensors", "unet-nuclei")
    assert spec.options["depth"] == 2
    # as the model that was named: its classes and its preprocessing
    assert spec.schema.name_of(1) == registry()["unet-nuclei"].schema.name_of(1)
    assert spec.preprocess["scaling"] == "percentile"


def test_a_preprocessing_keeps_what_the_network_needs(tmp_path):
    state = UNet(num_classes=2, base_channels=4, depth=5).state_dict()
    save_file(state, tmp_path / "deep.safetensors")
    spec = spec_from_weights(tmp_path / "deep.safetensors", "unet-nuclei")
    assert spec.preprocess["divisor"] == 32


def test_the_family_that_was_asked_for_must_be_right(unet_file):
    assert spec_from_weights(unet_file, "unet").family == "unet"
    with pytest.raises(SegstudioError, match=r"mine\.pth holds weights of the family unet, not"):
        spec_from_weights(unet_file, "deeplabv3-resnet50")
    with pytest.raises(SegstudioError, match="no model 'vnet'"):
        spec_from_weights(unet_file, "vnet")


def describe(path, **changes):
    data = {
        "id": "x", "title": "Cells", "family": "unet", "task": "semantic",
        "builder": "segstudio.models.unet:UNet",
        "options": {"base_channels": 4, "depth": 2, "num_classes": 2},
        "schema": LabelSchema.from_names(["ground", "cell"]).to_json(),
        "preprocess": {"scaling": "percentile", "divisor": 4}, **changes,
    }  # fmt: skip
    state = UNet(num_classes=2, base_channels=4, depth=2).state_dict()
    save_file(state, path, {"segstudio": json.dumps(data)})
    return path


def test_files_written_by_segstudio_say_what_they_are(tmp_path):
    spec = spec_from_weights(describe(tmp_path / "cells.safetensors"))
    assert spec.id == "cells"
    assert spec.title == "Cells (cells.safetensors)"
    assert spec.schema.name_of(1) == "cell"
    assert not spec.embedded


def test_a_file_with_the_name_of_a_model_gets_an_id_of_its_own(tmp_path):
    spec = spec_from_weights(describe(tmp_path / "unet-nuclei.safetensors"))
    assert spec.id not in registry()


def test_a_file_cannot_name_any_function_to_be_called(tmp_path):
    path = describe(tmp_path / "evil.safetensors", builder="os:system", options={"command": "ls"})
    with pytest.raises(SegstudioError, match=r"evil\.safetensors asks for the network 'os:system'"):
        spec_from_weights(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SegstudioError, match=r"none\.pth is not there"):
        spec_from_weights(tmp_path / "none.pth")
