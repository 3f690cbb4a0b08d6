"""The list of models, and files that say what they are."""

import json
import struct
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest
from torchvision.models import detection, segmentation

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec
from segstudio.core.schema import LabelSchema
from segstudio.models import registry as module
from segstudio.models.registry import get_spec, read_header, registry, without_duplicates

PUBLISHED = {
    "deeplabv3-mobilenetv3": segmentation.DeepLabV3_MobileNet_V3_Large_Weights.DEFAULT,
    "deeplabv3-resnet50": segmentation.DeepLabV3_ResNet50_Weights.DEFAULT,
    "deeplabv3-resnet101": segmentation.DeepLabV3_ResNet101_Weights.DEFAULT,
    "fcn-resnet50": segmentation.FCN_ResNet50_Weights.DEFAULT,
    "fcn-resnet101": segmentation.FCN_ResNet101_Weights.DEFAULT,
    "lraspp-mobilenetv3": segmentation.LRASPP_MobileNet_V3_Large_Weights.DEFAULT,
    "maskrcnn-resnet50": detection.MaskRCNN_ResNet50_FPN_Weights.DEFAULT,
    "maskrcnn-resnet50-v2": detection.MaskRCNN_ResNet50_FPN_V2_Weights.DEFAULT,
}
SPEC = ModelSpec("a", "A", "unet", "semantic", LabelSchema.from_names(["x", "y"]), "m:f")


def test_order_is_embedded_first_then_published():
    ids = list(registry())
    embedded = [i for i in ids if registry()[i].embedded]
    keys = (
        "transposed", "bilinear", "shuffle", "no-skips", "dice", "focal", "plain", "dilated",
    )  # fmt: skip
    lessons = [f"unet-small-{key}" for key in keys]
    assert embedded == ["unet-nuclei", "deeplab-nuclei", "maskrcnn-nuclei", *lessons]
    assert ids[: len(embedded)] == embedded
    assert ids[len(embedded) : len(embedded) + len(PUBLISHED)] == list(PUBLISHED)


@pytest.mark.parametrize("model_id", PUBLISHED)
def test_published_models_are_torchvisions(model_id):
    spec, weights = registry()[model_id], PUBLISHED[model_id]
    meta = weights.meta
    assert spec.weights.url == weights.url
    assert spec.weights.filename == weights.url.rsplit("/", 1)[1]
    assert spec.weights.filename.endswith(f"-{spec.weights.sha256}.pth")
    assert len(spec.weights.sha256) == 8
    assert round(spec.weights.size / 1024**2, 3) == meta["_file_size"]
    (published,) = meta["_metrics"].values()
    assert dict(spec.metrics) == {**published, "num_params": meta["num_params"]}
    assert spec.options["num_classes"] == len(meta["categories"])
    names = {c.id: c.name for c in spec.schema.classes}
    expected = {i: n.strip("_") for i, n in enumerate(meta["categories"]) if n != "N/A"}
    assert names == expected


@pytest.mark.parametrize("model_id", ["deeplabv3-resnet50", "fcn-resnet101", "lraspp-mobilenetv3"])
def test_preprocessing_of_published_semantic_models_is_torchvisions(model_id):
    preset = PUBLISHED[model_id].transforms()
    preprocess = registry()[model_id].preprocess
    assert preprocess["mean"] == preset.mean
    assert preprocess["std"] == preset.std
    assert [preprocess["short_side"]] == preset.resize_size


def test_coco_keeps_its_ids_and_hides_the_unused_ones():
    schema = registry()["maskrcnn-resnet50"].schema
    assert len(schema.classes) == 81
    assert schema.name_of(90) == "toothbrush"
    assert schema.get(12) is None
    assert all(c.name != "N/A" for c in schema.classes)
    assert schema.get(0).thing is False
    assert schema.get(1).thing is True


def test_unknown_model_is_answered_with_the_list():
    with pytest.raises(SegstudioError, match=r"no model 'u-net'.*unet-nuclei"):
        get_spec("u-net")


def test_duplicates_are_refused():
    with pytest.raises(SegstudioError, match="Two models are called 'a'"):
        without_duplicates([SPEC, SPEC])


def test_models_of_other_packages_are_found_and_broken_ones_left_out(monkeypatch, caplog):
    one, others = replace(SPEC, id="alone"), {"specs": lambda: [SPEC], "spec": lambda: one}
    monkeypatch.setitem(sys.modules, "plugin_for_test", type("M", (), others))
    entries = [
        EntryPoint("good", "plugin_for_test:specs", "segstudio.models"),
        EntryPoint("single", "plugin_for_test:spec", "segstudio.models"),
        EntryPoint("bad", "no_such_module_at_all:specs", "segstudio.models"),
    ]
    monkeypatch.setattr(module.importlib.metadata, "entry_points", lambda group: entries)
    assert module._third_party_specs() == [SPEC, one]
    assert "bad" in caplog.text


def write_safetensors(path, metadata):
    header = json.dumps({"__metadata__": metadata}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)


def test_embedded_models_are_described_by_their_files(tmp_path):
    data = {
        "id": "tiny",
        "title": "Tiny",
        "family": "unet",
        "task": "semantic",
        "builder": "segstudio.models.families.unet:UNet",
        "options": {"base_channels": 4},
        "schema": LabelSchema.from_names(["background", "nucleus"]).to_json(),
        "preprocess": {"scaling": "unit", "divisor": 16},
        "licence": "Apache-2.0",
        "metrics": {"all": {"iou": 0.9, "images": 3}, "stained": {"iou": 0.7}},
    }
    write_safetensors(tmp_path / "tiny.safetensors", {"segstudio": json.dumps(data)})
    write_safetensors(tmp_path / "other.safetensors", {})
    (spec,) = module._embedded_specs(tmp_path)
    assert spec.id == "tiny"
    assert spec.embedded
    assert spec.schema.name_of(1) == "nucleus"
    assert spec.options == {"base_channels": 4}
    assert spec.metrics == {"iou": 0.9, "images": 3, "stained iou": 0.7}
    assert spec.weights.filename == "tiny.safetensors"


def test_a_description_without_schema_names_the_file(tmp_path):
    write_safetensors(tmp_path / "x.safetensors", {"segstudio": '{"id": "x", "task": "semantic"}'})
    with pytest.raises(SegstudioError, match=r"inside x\.safetensors"):
        module._embedded_specs(tmp_path)


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff" * 40, struct.pack("<Q", 3) + b"{}}"])
def test_a_file_that_is_no_safetensors_is_refused(tmp_path, content):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(SegstudioError, match=r"broken\.safetensors"):
        read_header(path)
