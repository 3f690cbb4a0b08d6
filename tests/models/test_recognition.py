"""A user's own weights: what they are is told from their names and shapes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from segmenters import balance, shapes_of

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.models.checkpoints import load_into, load_state
from segstudio.models.families.maskrcnn import maskrcnn
from segstudio.models.families.torchvision_semantic import deeplabv3, fcn, lraspp
from segstudio.models.families.unet import UNet
from segstudio.models.recognition import recognise
from segstudio.models.registry import registry, spec_from_weights
from segstudio.models.segmenter import Segmenter, resolve_builder


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


@pytest.mark.parametrize(
    ("build", "key", "options"),
    [
        (fcn, "fcn", {"backbone": "resnet50", "num_classes": 21, "aux": True}),
        (fcn, "fcn", {"backbone": "resnet101", "num_classes": 2, "aux": False}),
        (lraspp, "lraspp", {"num_classes": 7, "inter_channels": 128}),
        (lraspp, "lraspp", {"num_classes": 21, "inter_channels": 64}),
    ],
)
def test_fcns_and_lraspps(build, key, options):
    family, found = recognise(shapes_of(on_meta(build, **options)), "w.pth")
    assert (family.key, family.task, found.options) == (key, "semantic", options)
    assert (found.schema is not None) == (options["num_classes"] == 21)


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
        ({"layer1.weight": (3,), "other.bias": (4,)}, "layer1.weight, other.bias"),
    ],
)
def test_what_is_not_known_is_described(shapes, words):
    with pytest.raises(SegstudioError, match=rf"w\.pth is not recognised.*{words}"):
        recognise(shapes, "w.pth")


@pytest.mark.parametrize(("channels", "wanted"), [(1, "grey"), (3, None), (4, [1, 2, 3, 4])])
def test_a_unet_for_grey_images_gets_them(channels, wanted):
    shapes = shapes_of(on_meta(UNet, in_channels=channels, base_channels=8, depth=2))
    _, found = recognise(shapes, "w.pth")
    assert found.options["in_channels"] == channels
    assert found.preprocess.get("channels") == wanted


def test_a_unet_is_not_loaded_for_another_number_of_channels(tmp_path):
    path = tmp_path / "five.pth"
    torch.save(UNet(in_channels=5, base_channels=4, depth=2).state_dict(), path)
    spec = spec_from_weights(path)
    Segmenter(spec, device="cpu").load()
    three = replace(spec, preprocess={**spec.preprocess, "channels": [1, 2, 5]})
    with pytest.raises(
        SegstudioError,
        match=r"five\.pth takes images of 5 channels, but would get 3 \(channels 1, 2, 5\)",
    ):
        Segmenter(three, device="cpu").load()


def test_a_unet_for_grey_images_runs(tmp_path):
    torch.manual_seed(0)
    network = UNet(in_channels=1, base_channels=4, depth=2, num_classes=3)
    pixels = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)
    luma = torch.from_numpy(np.rint(pixels @ np.array([0.299, 0.587, 0.114])) / 255).float()
    balance(network, network.outc.conv, luma[None, None])
    torch.save(network.state_dict(), tmp_path / "grey.pth")
    found = Segmenter(spec_from_weights(tmp_path / "grey.pth"), device="cpu").predict(pixels)
    with torch.inference_mode():
        logits = network.eval()(luma[None, None])
    assert np.array_equal(found.labels, logits[0].argmax(0).numpy())
    assert len(np.unique(found.labels)) > 1


def test_what_the_tensors_do_not_tell_is_asked(tmp_path):
    torch.manual_seed(0)
    network = UNet(base_channels=4, depth=2, upsampling="bilinear", corners="not aligned")
    torch.save(network.state_dict(), tmp_path / "w.pth")
    usual = spec_from_weights(tmp_path / "w.pth")
    assert [(q.option, q.default) for q in usual.questions] == [("corners", "aligned")]
    assert usual.options["corners"] == "aligned"
    right = spec_from_weights(tmp_path / "w.pth", answers={"corners": "not aligned"})
    x = torch.rand(1, 3, 16, 16)
    state = load_state(tmp_path / "w.pth")
    with torch.inference_mode():
        wanted, answers = network.eval()(x), []
        for spec in (right, usual):
            built = resolve_builder(spec.builder)(**spec.options)
            load_into(built, state)
            answers.append(built.eval()(x))
    assert torch.equal(answers[0], wanted)
    assert not torch.allclose(answers[1], wanted)
    with pytest.raises(SegstudioError, match=r"corners of .*w\.pth cannot be 'round'"):
        spec_from_weights(tmp_path / "w.pth", answers={"corners": "round"})
    with pytest.raises(SegstudioError, match=r"leaves no choice of 'mode'.*corners"):
        spec_from_weights(tmp_path / "w.pth", answers={"mode": "round"})


def test_nothing_is_asked_where_all_is_told():
    for upsampling in ("transposed", "pixel_shuffle"):
        _, found = recognise(shapes_of(on_meta(UNet, upsampling=upsampling)), "w.pth")
        assert found.questions == ()


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
        "builder": "segstudio.models.families.unet:UNet",
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


@pytest.mark.parametrize(
    ("old", "function"),
    [
        ("segstudio.models.unet:UNet", UNet),
        ("segstudio.models.torchvision_nets:deeplabv3", deeplabv3),
        ("segstudio.models.torchvision_nets:maskrcnn", maskrcnn),
    ],
)
def test_builders_keep_the_names_that_older_files_hold(tmp_path, old, function):
    spec = spec_from_weights(describe(tmp_path / "old.safetensors", builder=old))
    module, _, name = spec.builder.partition(":")
    assert (module, name) == (function.__module__, function.__name__)
    assert resolve_builder(old) is function


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
