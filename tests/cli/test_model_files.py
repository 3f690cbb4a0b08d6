"""TorchScript and ONNX models and images of many channels from the command line."""

import json

import cv2
import numpy as np
import pytest
import tifffile
import torch
from commands import run
from PIL import Image
from scripted_nets import at_once, halving, save_onnx, save_script  # noqa: F401 - a fixture


@pytest.fixture
def five(tmp_path):
    """A folder with one image (24, 32) of five channels, and its values."""
    values = np.random.default_rng(0).integers(0, 40_000, (24, 32, 5)).astype(np.uint16)
    (tmp_path / "five").mkdir()
    tifffile.imwrite(
        tmp_path / "five" / "a.tif", np.moveaxis(values, -1, 0), metadata={"axes": "CYX"}
    )
    return tmp_path / "five", values


def mask_in(path):
    with Image.open(path) as file:
        return np.asarray(file)


def mask_of(network, values, channels):
    chosen = values[..., [n - 1 for n in channels]].astype(np.float32) / 65_535
    with torch.inference_mode():
        return network(torch.from_numpy(chosen).permute(2, 0, 1)[None])[0].argmax(0).numpy()


@pytest.mark.parametrize("save", [save_script, save_onnx])
def test_a_file_is_a_model_and_its_channels_are_chosen(capsys, tmp_path, five, save):
    folder, values = five
    network = halving(channels=4, classes=3)
    path = save(network, tmp_path / "bands.bin")
    code, _, err = run(capsys, "predict", folder, "--model", path, "--out", tmp_path / "a")
    assert code == 0
    assert "bands.bin does not tell: gives=scores (usual;" in err
    first = mask_in(tmp_path / "a" / "a.png")
    assert np.array_equal(first, mask_of(network, values, [1, 2, 3, 4]))
    assert len(np.unique(first)) > 1
    code, _, err = run(
        capsys, "predict", folder, "--model", path, "--out", tmp_path / "b",
        "--set", "channels=5,4,1,2", "--set", "gives=scores",
    )  # fmt: skip
    assert (code, "does not tell" in err) == (0, False)
    second = mask_in(tmp_path / "b" / "a.png")
    assert np.array_equal(second, mask_of(network, values, [5, 4, 1, 2]))
    noted = json.loads((tmp_path / "b" / "segstudio.json").read_text())["predict"]["network"]
    assert "5, 4, 1, 2" in noted


def test_what_does_not_fit_is_one_clear_message(capsys, tmp_path, five, image):
    path = save_script(halving(channels=4), tmp_path / "bands.pt")
    out = ("--out", tmp_path / "out")
    code, _, err = run(capsys, "predict", image, "--model", path, *out)
    assert code == 1
    assert (
        f"error: {image.name} has 1 channel, but TorchScript model (bands.pt) reads "
        "channels 1, 2, 3, 4. Choose other channels"
    ) in err
    for wrong, words in (
        ("1,2", "takes 4 channels, not '1,2'. Give so many numbers from 1 on: channels=1,2,3,4."),
        ("0,1,2,3", "takes 4 channels, not '0,1,2,3'."),
        ("rgb", "takes 4 channels, not rgb. Give 4 numbers of channels."),
    ):
        code, _, err = run(
            capsys, "predict", five[0], "--model", path, *out, "--set", f"channels={wrong}"
        )
        assert code == 2
        assert words in err


def test_any_network_gets_one_channel_or_colours_in_another_order(capsys, tmp_path, image):
    path = save_script(halving(channels=3), tmp_path / "rgb.pt")
    colours = np.random.default_rng(1).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    image.unlink()
    cv2.imwrite(str(image), colours)
    masks = []
    for name, chosen in (("a", "bgr"), ("b", "3,2,1"), ("c", "rgb")):
        code, _, _ = run(
            capsys, "predict", image, "--model", path, "--out", tmp_path / name,
            "--set", f"channels={chosen}",
        )  # fmt: skip
        assert code == 0
        masks.append(mask_in(tmp_path / name / image.name))
    assert np.array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()


def test_looking_inside_says_why_it_cannot(capsys, tmp_path, image):
    for path, words in (
        (
            save_script(halving(), tmp_path / "m.pt"),
            "TorchScript model (m.pt) shows no inner layers: a TorchScript model is compiled",
        ),
        (
            save_onnx(halving(), tmp_path / "m.onnx"),
            "ONNX model (m.onnx) shows no inner layers: ONNX Runtime runs",
        ),
    ):
        code, _, err = run(capsys, "inspect", image, "--model", path)
        assert code == 1
        assert words in err
