"""ONNX models are recognised, run as the networks they were exported from, and read no other files."""

import os
import warnings

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from scripted_nets import Halving, Wrapped, halving, save_onnx
from segmenters import image, logits_of
from torch import nn

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import RunOptions
from segstudio.models import conversion
from segstudio.models.families import onnx_models, torchscript
from segstudio.models.onnx_file import data_files, is_onnx, read_graph
from segstudio.models.recognition import spec_from_weights
from segstudio.models.routes import fastest
from segstudio.models.segmenter import Segmenter
from segstudio.models.weights import content_digest
from segstudio.runs.kept_weights import kept_as


@pytest.fixture
def at_once(monkeypatch):
    """Files are tried in this process, which is quicker."""
    monkeypatch.setattr(
        torchscript, "done_apart", lambda _work, path, *_, **__: onnx_models.look(path).to_json()
    )


@pytest.mark.slow
def test_one_of_any_size_runs_as_the_network_does(tmp_path):
    """Tried in a process of its own, as in the program."""
    network = halving(channels=4, classes=3)
    spec = spec_from_weights(save_onnx(network, tmp_path / "cells"))
    assert (spec.family, spec.title) == ("onnx", "ONNX model (cells)")
    assert (spec.options["in_channels"], spec.options["num_classes"]) == (4, 3)
    assert spec.preprocess == {"scaling": "unit", "channels": [1, 2, 3, 4], "divisor": 8}
    x = torch.rand(1, 4, 40, 56)
    assert torch.allclose(logits_of(spec, x), network(x), atol=1e-4)


def test_a_fixed_size_is_honoured_and_said(tmp_path, at_once):
    network = halving()
    spec = spec_from_weights(save_onnx(network, tmp_path / "m.onnx", (48, 64)))
    assert spec.preprocess["size"] == [48, 64]
    assert "always 64 x 48 pixels: images are resized to it, and the answer back" in (
        spec.description
    )
    x = torch.rand(1, 3, 48, 64)
    assert torch.allclose(logits_of(spec, x), network(x), atol=1e-4)
    found = Segmenter(spec, device="cpu").predict(image(30, 100))
    assert found.labels.shape == (30, 100)
    assert found.notes == ("Seen at 64 x 48 pixels, the only size that the network takes.",)
    with pytest.raises(SegstudioError, match="64 x 48 pixels only, not of 32 x 24"):
        Segmenter(spec, device="cpu").predict(image(30, 100), RunOptions(input_scale=0.5))


class ChannelsLast(nn.Module):
    """Takes and gives (N, H, W, C), as TensorFlow's networks do."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


@pytest.mark.parametrize("size_hw", [None, (32, 32)])
def test_axes_in_the_other_order(tmp_path, at_once, size_hw):
    network, path = halving(classes=2), tmp_path / "m.onnx"
    axes = {} if size_hw else {"x": {1: "h", 2: "w"}}
    height, width = size_hw or (32, 48)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            ChannelsLast(network).eval(), (torch.rand(1, height, width, 3),), str(path),
            input_names=["x"], dynamic_axes=axes, dynamo=False,
        )  # fmt: skip
    spec = spec_from_weights(path)
    assert (spec.options["layout"], spec.options["in_channels"]) == ("NHWC", 3)
    assert len(spec.schema.classes) == 2
    x = torch.rand(1, 3, height, width)
    assert torch.allclose(logits_of(spec, x), network(x), atol=1e-4)


@pytest.mark.parametrize("way", ["dict", "tuple", "softmax"])
def test_several_outputs_and_probabilities(tmp_path, at_once, way):
    network = Wrapped(halving(classes=2), way).eval()
    path = save_onnx(network, tmp_path / "m.onnx")
    if way == "dict":  # the second of the two
        model = onnx.load(path)
        renamed = model.graph.output[1].name
        for node in model.graph.node:
            node.output[:] = ["out" if name == renamed else name for name in node.output]
            node.input[:] = ["out" if name == renamed else name for name in node.input]
        model.graph.output[1].name = "out"
        onnx.save(model, path)
    spec = spec_from_weights(path)
    x = torch.rand(1, 3, 32, 48)
    logits = logits_of(spec, x)
    if way == "softmax":
        assert spec.options["gives"] == "softmax applied"
        assert torch.allclose(logits.softmax(1), network(x), atol=1e-4)
    else:
        assert torch.allclose(logits, network.network(x), atol=1e-4)


def test_class_ids_are_no_scores(tmp_path, at_once):
    path = save_onnx(Wrapped(halving(), "ids").eval(), tmp_path / "m.onnx")
    with pytest.raises(SegstudioError, match=r"m\.onnx cannot be used\. .*class ids"):
        spec_from_weights(path)


def test_without_the_package_the_message_says_what_to_install(tmp_path, monkeypatch):
    path = save_onnx(halving(), tmp_path / "m.onnx")
    monkeypatch.setattr(onnx_models, "is_installed", lambda _package: False)
    with pytest.raises(SegstudioError) as told:
        spec_from_weights(path)
    assert str(told.value) == (
        f"{path} is an ONNX model, which needs ONNX Runtime. "
        "Install what runs it: pip install segstudio[onnx]"
    )


def test_openvino_runs_it_where_it_is_quicker(tmp_path, at_once, monkeypatch):
    """As other routes: measured and compared, and no route that converts a network of PyTorch."""
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))
    network = halving()
    spec = spec_from_weights(save_onnx(network, tmp_path / "m.onnx"))
    segmenter, pixels = Segmenter(spec, device="cpu"), image(64, 96)
    exact = segmenter.predict(pixels)
    other = segmenter.predict(pixels, route="openvino")
    assert other.device == "cpu (OpenVINO)"
    assert np.array_equal(exact.labels, other.labels)
    made = []
    monkeypatch.setattr(conversion, "_as_onnx", lambda *_: made.append("onnx"))
    monkeypatch.setattr(conversion, "_as_openvino", lambda *_: made.append("openvino"))
    fastest(segmenter, pixels, RunOptions())
    assert made == []


# -- files ---------------------------------------------------------------------------------------


def stored_outside(path, location, folder, **more):
    """An ONNX model whose first weights lie in another file; the folder is where they are put."""
    save_onnx(halving(), path)
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    values = numpy_helper.to_array(tensor).tobytes()
    if folder is not None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.write_bytes(values)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entries = {"location": location, "offset": "0", "length": str(len(values)), **more}
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_in_a_file_beside_it_are_read_and_belong_to_its_identity(tmp_path, at_once):
    place = tmp_path / "parts" / "m.data"
    path = stored_outside(tmp_path / "m.onnx", "parts/m.data", place)
    assert data_files(path) == [place]
    spec = spec_from_weights(path)
    x = torch.rand(1, 3, 32, 48)
    assert torch.allclose(logits_of(spec, x), halving()(x), atol=1e-4)
    before = content_digest(path)
    place.write_bytes(bytes(len(place.read_bytes())))
    assert content_digest(path) != before


def test_weights_beside_it_that_change_make_it_another_file_in_the_list(tmp_path, at_once):
    place = tmp_path / "m.data"
    path = stored_outside(tmp_path / "m.onnx", "m.data", place)
    kept = kept_as(spec_from_weights(path), lambda: None)
    assert kept.state == "here"
    place.write_bytes(bytes(len(place.read_bytes())))
    os.utime(place, ns=(kept.modified_ns + 1_000_000_000,) * 2)
    assert kept.state == "changed"
    place.unlink()
    assert kept.state == "changed"


@pytest.mark.parametrize(
    "location", ["../secret", "/etc/passwd", "a/../../secret", "..\\secret", "C:\\secret", ""]
)
def test_no_file_outside_its_folder_is_read(tmp_path, location):
    inside = tmp_path / "model"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(bytes(10_000))
    path = stored_outside(inside / "m.onnx", location, None)
    with pytest.raises(SegstudioError, match="lies outside its folder"):
        spec_from_weights(path)


def test_nor_by_a_link(tmp_path):
    inside = tmp_path / "model"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(bytes(10_000))
    (inside / "link").symlink_to(tmp_path / "secret")
    path = stored_outside(inside / "m.onnx", "link", None)
    with pytest.raises(
        SegstudioError, match="'link' as the file of its weights, which lies outside"
    ):
        spec_from_weights(path)


def test_nor_is_a_pipe_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    path = stored_outside(tmp_path / "m.onnx", "pipe", None)
    with pytest.raises(SegstudioError, match="a named pipe"):
        spec_from_weights(path)


def test_weights_that_are_not_there_are_named(tmp_path):
    path = stored_outside(tmp_path / "m.onnx", "m.data", None)
    with pytest.raises(SegstudioError, match=r"has its weights in m\.data, which is not there"):
        spec_from_weights(path)


def hidden_model(kind):
    """A model that names a file in a place where few look."""
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "t")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    node = helper.make_node("Constant", [], ["c"])
    attribute = node.attribute.add(name="value")
    if kind == "constant":
        attribute.t.CopyFrom(tensor)
    elif kind == "sparse":
        attribute.sparse_tensor.values.CopyFrom(tensor)
    else:
        inner = helper.make_graph([], "inner", [], [], [tensor])
        attribute.g.CopyFrom(inner)
    side = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w"])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, "h", "w"])
    copy = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph([node, copy], "g", [side], [out])
    model = helper.make_model(graph)
    if kind == "function":
        function = helper.make_function("own", "f", [], [], [node], [])
        model.functions.append(function)
        del model.graph.node[0]
    return model


@pytest.mark.parametrize("kind", ["constant", "sparse", "graph", "function"])
def test_a_file_that_is_named_elsewhere_in_it_is_found(tmp_path, kind):
    path = tmp_path / "m.onnx"
    path.write_bytes(hidden_model(kind).SerializeToString())
    assert read_graph(path).locations == {"../secret"}
    with pytest.raises(SegstudioError, match="lies outside its folder"):
        spec_from_weights(path)


def test_other_files_are_none_of_them(tmp_path):
    for name, data in {
        "empty": b"", "text": b"hello world", "pickle": b"\x80\x04.", "zip": b"PK\x03\x04" + b"a" * 99,
        "varint": b"\x08", "long": b"\x3a\xff\xff\xff\xff\x0f",
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
        assert not is_onnx(tmp_path / name), name


def test_a_damaged_one_says_so(tmp_path):
    path = save_onnx(halving(), tmp_path / "m.onnx")
    data = path.read_bytes()
    longer = data.replace(b"\x22\x04Conv", b"\x22\xffConv", 1)  # the word's length
    for broken in (longer, data[: len(data) // 2]):
        path.write_bytes(broken)
        with pytest.raises(SegstudioError, match=r"m\.onnx is an ONNX file that is cut off or d"):
            spec_from_weights(path)


def test_two_images_or_none_are_told(tmp_path):
    sides = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 8, 8]) for n in "ab"]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 8, 8])
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["y"])], "g", sides, [out])
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(SegstudioError, match=r"m\.onnx takes a, b, and not one image"):
        spec_from_weights(path)


def test_channels_of_the_first_convolution(tmp_path):
    assert read_graph(save_onnx(Halving(channels=5).eval(), tmp_path / "m.onnx")).channels == 5


class Bytes(nn.Module):
    """Takes the bytes of an image as they are and scales them itself; gives (N, H, W)."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x.float() / 255)[:, 0]


def test_bytes_go_in_as_bytes_and_one_class_needs_no_axis(tmp_path, at_once):
    network, path = halving(classes=1), tmp_path / "m.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Bytes(network).eval(), (torch.zeros(1, 3, 32, 48, dtype=torch.uint8),), str(path),
            input_names=["x"], dynamic_axes={"x": {2: "h", 3: "w"}}, dynamo=False,
        )  # fmt: skip
    spec = spec_from_weights(path)
    assert (spec.preprocess["scaling"], spec.output.kind) == ("none", "logit")
    pixels = image(32, 48)
    found = Segmenter(spec, device="cpu").predict(pixels)
    with torch.inference_mode():
        expected = network(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)[0, 0] > 0
    assert np.mean(found.labels == expected.numpy()) > 0.999


@pytest.mark.parametrize("batch", [1, 2])
def test_half_precision_and_batches_of_a_fixed_number(tmp_path, at_once, batch):
    network, path = halving(classes=2), tmp_path / "m.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            halving(classes=2).half(), (torch.zeros(batch, 3, 32, 48).half(),), str(path),
            input_names=["x"], dynamo=False,
        )  # fmt: skip
    spec = spec_from_weights(path)
    x = torch.rand(1, 3, 32, 48)
    logits = logits_of(spec, x)
    assert logits.dtype == torch.float32
    assert logits.shape == (1, 2, 32, 48)
    assert torch.allclose(logits, network(x), atol=2e-2)


def test_what_it_holds_in_memory_counts(tmp_path, at_once):
    path = save_onnx(halving(width=64), tmp_path / "m.onnx")
    segmenter = Segmenter(spec_from_weights(path), device="cpu")
    segmenter.load()
    assert segmenter.nbytes == path.stat().st_size > 100_000
