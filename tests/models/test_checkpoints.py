"""Checkpoints as people have them: what is opened, what is refused, and with which words."""

import argparse
import collections
import datetime as dt
import pathlib
import pickle
import struct
import types
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from slow_cases import few
from torch import nn

from segstudio.core.errors import SegstudioError
from segstudio.models.checkpoints import load_into, load_state
from segstudio.models.families.unet import UNet
from segstudio.models.registry import spec_from_weights
from segstudio.models.segmenter import Segmenter

OPTIONS = {"num_classes": 2, "base_channels": 4, "depth": 2, "upsampling": "bilinear"}


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(1)
    return UNet(**OPTIONS).state_dict()


def assert_same(path, state):
    """The file is recognised as that U-Net and its network gets each of these tensors."""
    spec = spec_from_weights(path)
    assert {k: spec.options[k] for k in OPTIONS} == OPTIONS
    loaded = Segmenter(spec, device="cpu").network.state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[k], v) for k, v in state.items())


def every_other(prefix, state):
    return {prefix + k if i % 2 else k: v for i, (k, v) in enumerate(state.items())}


def counters(state):
    extra = {f"{k}.{c}": torch.zeros(1) for k in ("inc", "down1") for c in ("total_ops",)}
    return {**state, **extra, "total_params": torch.zeros(1)}


WRAPPED = {
    "arguments of torchvision's scripts": lambda s: {"model": s, "args": argparse.Namespace(lr=1)},
    "a namespace": lambda s: {"model": s, "config": types.SimpleNamespace(lr=1)},
    "paths": lambda s: {"model": s, "args": {"out": pathlib.Path("runs") / "1"}},
    "a defaultdict": lambda s: {"state_dict": s, "history": collections.defaultdict(list, a=[1])},
    "a defaultdict of weights": lambda s: {"weights": collections.defaultdict(list, s)},
    "what loops keep": lambda s: {
        "model": s,
        "losses": collections.deque([0.5], maxlen=9),
        "saved": dt.datetime(2024, 5, 1),
        "took": dt.timedelta(hours=2),
        "classes": np.array(["background", "cell"]),
        "counts": collections.Counter("aab"),
    },
    "averages of torch": lambda s: {
        "n_averaged": torch.tensor(3),
        **{f"module.{k}": v for k, v in s.items()},
    },
    "params": lambda s: {"params": s},
    "state beside an optimizer": lambda s: {
        "state": s,
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]},
    },
    "any name": lambda s: {"segmenter_v2": s, "epoch": 3, "best": torch.tensor(0.5)},
    "two levels": lambda s: {"checkpoint": {"model": s}},
    "averages beside the model": lambda s: {"ema": {k: v * 0 for k, v in s.items()}, "model": s},
    "only averages": lambda s: {"model_ema": s},
    "an attribute's name": lambda s: {f"unet.{k}": v for k, v in s.items()},
    "two attributes' names": lambda s: {f"student.backbone.{k}": v for k, v in s.items()},
    "an attribute and a loss": lambda s: {
        **{f"unet.{k}": v for k, v in s.items()},
        "loss.weight": torch.ones(2),
    },
    "a place in a sequence": lambda s: {f"0.{k}": v for k, v in s.items()},
    "half of it parallel": lambda s: every_other("module.", s),
    "half of it compiled": lambda s: every_other("_orig_mod.", s),
    "half of it Lightning": lambda s: every_other("model.", s),
    "compiled inside": lambda s: {f"model._orig_mod.{k}": v for k, v in s.items()},
    "a profiler's counters": counters,
    "numbers beside it": lambda s: {**s, "mask_values": [0, 1], "epoch": 3},
    "no batch counters": lambda s: {k: v for k, v in s.items() if "num_batches" not in k},
}


@pytest.mark.parametrize("wrap", few(WRAPPED.values(), 8), ids=WRAPPED)
def test_whatever_the_weights_are_wrapped_in(tmp_path, state, wrap):
    torch.save(wrap(dict(state)), tmp_path / "w.pth")
    assert_same(tmp_path / "w.pth", state)


@pytest.mark.parametrize("name", ["w.pth", "W.SAFETENSORS", "w.safetensors", "weights", "w.bin"])
def test_the_content_decides_and_not_the_name(tmp_path, state, name):
    tensors = {k: v.contiguous() for k, v in state.items()}
    save_file(tensors, tmp_path / name, {"format": "pt"})
    assert_same(tmp_path / name, state)
    torch.save(tensors, tmp_path / name)
    assert_same(tmp_path / name, state)


def test_old_files_of_pytorch_are_read(tmp_path, state):
    torch.save(dict(state), tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert_same(tmp_path / "w.pth", state)


def test_a_path_of_windows_is_data_everywhere(tmp_path, state):
    torch.save({"model": dict(state), "out": pathlib.Path("runs")}, tmp_path / "w.pth")
    rewritten = (tmp_path / "w.pth").read_bytes().replace(b"PosixPath", b"WindowsPath")
    with (
        zipfile.ZipFile(tmp_path / "w.pth") as old,
        zipfile.ZipFile(tmp_path / "win.pth", "w") as new,
    ):
        for part in old.namelist():
            data = old.read(part)
            new.writestr(part, data.replace(b"PosixPath", b"WindowsPath"))
    assert b"WindowsPath" in rewritten
    assert_same(tmp_path / "win.pth", state)


def test_two_networks_under_names_that_say_nothing_are_not_chosen_from(tmp_path, state):
    torch.save({"teacher": dict(state), "student": dict(state)}, tmp_path / "w.pth")
    with pytest.raises(SegstudioError, match=r"w\.pth holds several networks: teacher, student"):
        load_state(tmp_path / "w.pth")


def test_complex_numbers_are_no_weights(tmp_path, state):
    odd = {**state, "outc.conv.bias": state["outc.conv.bias"].to(torch.complex64)}
    torch.save(odd, tmp_path / "w.pth")
    with pytest.raises(SegstudioError, match=r"complex or empty tensors \(outc\.conv\.bias\)"):
        load_state(tmp_path / "w.pth")


def test_a_network_keeps_the_prefix_that_is_its_own():
    """A plug-in's network may be a module in an attribute; its file is taken as it is."""
    network = nn.Module()
    network.net = nn.Linear(2, 1)
    weights = {"net.weight": torch.ones(1, 2), "net.bias": torch.zeros(1)}
    for given in (weights, {"weight": weights["net.weight"], "bias": weights["net.bias"]}):
        load_into(network, given)
        assert network.net.weight.tolist() == [[1.0, 1.0]]
        network.net.weight.data.zero_()


def test_text_and_pages_say_what_they_are(tmp_path):
    expected = {
        "lfs.pth": ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        "page.pth": ("<!DOCTYPE html><html>sign in</html>", "web page"),
        "notes.safetensors": ("these are notes", "a text file, no file of weights"),
        "empty.pth": ("", "cut off or damaged"),
    }
    for name, (text, words) in expected.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(SegstudioError, match=words) as raised:
            spec_from_weights(tmp_path / name)
        assert name in raised.value.message
        assert "torch.load" not in str(raised.value)


def test_a_cut_file_is_damaged(tmp_path, state):
    torch.save(dict(state), tmp_path / "w.pth")
    whole = (tmp_path / "w.pth").read_bytes()
    (tmp_path / "w.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SegstudioError, match=r"w\.pth is cut off or damaged"):
        load_state(tmp_path / "w.pth")


def test_a_whole_file_with_more_than_data_is_not_called_damaged(tmp_path, state):
    odd = {"model": dict(state), "rows": np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")])}
    torch.save(odd, tmp_path / "w.pth")
    with pytest.raises(SegstudioError, match=r"w\.pth holds more than weights.*VoidDType"):
        load_state(tmp_path / "w.pth")


def test_a_whole_model_is_refused_in_few_words(tmp_path):
    torch.save(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), tmp_path / "whole.pth")
    with pytest.raises(SegstudioError) as raised:
        load_state(tmp_path / "whole.pth")
    assert raised.value.message == (
        f"{tmp_path / 'whole.pth'} holds more than weights and was not opened "
        "(torch.nn.modules.activation.ReLU and 2 more)."
    )
    assert 'torch.save(model.state_dict(), "weights.pth")' in raised.value.hint


def test_torchscript_is_a_model_and_no_file_of_weights(tmp_path, recwarn):
    traced = torch.jit.trace(nn.Linear(2, 1), torch.zeros(1, 2))
    traced.save(str(tmp_path / "t.pt"))
    with pytest.raises(
        SegstudioError, match="is a TorchScript model, which is no file of weights"
    ) as raised:
        load_state(tmp_path / "t.pt")
    assert "state_dict()" in raised.value.hint
    recwarn.clear()  # torch says that its own function is old


def test_a_small_file_that_unpacks_to_much_is_not_unpacked(tmp_path, state):
    torch.save(dict(state), tmp_path / "w.pth")
    with zipfile.ZipFile(tmp_path / "w.pth") as archive:
        root = archive.namelist()[0].split("/")[0]
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{root}/data.pkl", b"(" * 60_000_000)
    assert bomb.stat().st_size < 300_000
    with pytest.raises(SegstudioError, match=r"would unpack to 60 MB"):
        load_state(bomb)


def test_a_header_longer_than_its_file_is_no_safetensors_file(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    with pytest.raises(SegstudioError, match=r"w\.safetensors"):
        spec_from_weights(tmp_path / "w.safetensors")


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (pathlib.Path.touch, (self.path,))


@pytest.mark.parametrize("old", [False, True])
def test_no_code_is_run_whatever_is_allowed_as_data(tmp_path, state, old):
    mark = tmp_path / "ran"
    torch.save(
        {"model": dict(state), "x": Touch(mark)},
        tmp_path / "w.pth",
        _use_new_zipfile_serialization=not old,
    )
    with pytest.raises(SegstudioError, match=r"w\.pth"):
        load_state(tmp_path / "w.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Touch(mark)))
    with pytest.raises(SegstudioError, match=r"plain\.pth"):
        load_state(tmp_path / "plain.pth")
    assert not mark.exists()
