"""Small networks that TorchScript and ONNX can hold, and their files."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from segstudio.models.families import onnx_models, torchscript


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Files are tried in this process, which is quicker."""

    def done(work, path, *_, **__):
        kind = torchscript if work is torchscript._tried else onnx_models
        return kind.look(path).to_json()

    monkeypatch.setattr(torchscript, "done_apart", done)


class Halving(nn.Module):
    """An encoder and a decoder of one level with a skip: sides have to be even."""

    def __init__(self, channels=3, classes=3, width=8):
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.down = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(width, width, 2, stride=2)
        self.last = nn.Conv2d(2 * width, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = F.relu(self.norm(self.first(x)))
        deep = F.relu(self.up(F.relu(self.down(skip))))
        return self.last(torch.cat([skip, deep], 1))


class Wrapped(nn.Module):
    """A network whose answer is a dictionary, a tuple, or probabilities."""

    def __init__(self, network, way):
        super().__init__()
        self.network, self.way = network, way

    def forward(self, x):
        y = self.network(x)
        if self.way == "dict":
            return {"aux": y[:, :1], "out": y}
        if self.way == "tuple":
            return y, y[:, :1]
        if self.way == "ids":
            return y.argmax(1)
        return {"softmax": y.softmax(1), "sigmoid": y.sigmoid()}[self.way]


def halving(seed=0, **options):
    torch.manual_seed(seed)
    network = Halving(**options).eval()
    with torch.no_grad():
        network.norm.running_mean.uniform_(-0.2, 0.2)
        network.last.weight.mul_(3)
    return network


def save_script(network, path, how="traced", example_hw=(32, 48)):
    """Save as TorchScript, traced, scripted or frozen; returns the path."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if how == "traced":
            channels = next(p for p in network.parameters() if p.ndim == 4).shape[1]
            example = torch.rand(1, channels, *example_hw)
            script = torch.jit.trace(network, example, strict=False)
        else:
            script = torch.jit.script(network)
        if how == "frozen":
            script = torch.jit.freeze(script)
        torch.jit.save(script, str(path))
    return path


def save_onnx(network, path, size_hw=None, example_hw=(32, 48)):
    """Export to ONNX, for images of any size or of one; returns the path."""
    channels = next(p for p in network.parameters() if p.ndim == 4).shape[1]
    axes = {} if size_hw else {"x": {2: "h", 3: "w"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.rand(1, channels, *(size_hw or example_hw)),), str(path),
            input_names=["x"], dynamic_axes=axes, dynamo=False,
        )  # fmt: skip
    return path
