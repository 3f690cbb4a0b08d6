"""Where memory runs out, and the cache of loaded models."""

import dataclasses

import numpy as np
import pytest
import torch
from segmenters import UNET, image, saved, use_network
from torch import nn

from segstudio.core.errors import SegstudioError
from segstudio.models import segmenter as module
from segstudio.models.devices import is_out_of_memory, repeatable
from segstudio.models.families.unet import UNet
from segstudio.models.segmenter import Segmenter
from segstudio.models.segmenter_cache import SegmenterCache

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
    # To load; after three tries there the CPU; and back, since the inspector works with it too.
    assert tried == ["cuda", "cpu", "cuda"]
    assert segmenter.device.type == "cuda"
    assert prediction.device == "cpu"
    assert prediction.notes == ("Memory ran out on cuda, so it ran on the CPU.",)


def test_a_network_that_finds_no_way_back_stays_and_says_where(monkeypatch, unet_spec):
    """Whoever works with the network meanwhile (the inspector) follows `device`."""
    spec, _ = hungry(monkeypatch, unet_spec)
    segmenter = Segmenter(spec, device="cpu")
    segmenter.device = torch.device("cuda")
    places = []

    def move(network, device):
        if device.type == "cuda" and "cpu" in places:
            raise torch.OutOfMemoryError("CUDA out of memory")
        places.append(device.type)
        network.limit = 0 if device.type == "cuda" else 10_000
        return network

    monkeypatch.setattr(module, "_move", move)
    monkeypatch.setattr(module, "release_memory", lambda device: None)
    monkeypatch.setattr(Segmenter, "_run_semantic", on_cpu(Segmenter._run_semantic))
    segmenter.predict(np.zeros((300, 300, 3), np.uint8))
    assert places[-1] == "cpu"
    assert segmenter.device.type == "cpu"


def test_cudnns_flags_are_put_back_by_the_last_thread_that_needs_them():
    before = torch.backends.cudnn.deterministic
    first, second = repeatable(), repeatable()
    first.__enter__()
    second.__enter__()
    assert torch.backends.cudnn.deterministic
    first.__exit__(None, None, None)
    assert torch.backends.cudnn.deterministic  # the second is still at work
    second.__exit__(None, None, None)
    assert torch.backends.cudnn.deterministic == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_channels": 4096, "depth": 4}, "describes a network of .* numbers, but holds"),
        ({"depth": 1000}, "cannot be built"),
        ({"depth": "x"}, r"cannot be built with its options \(.*depth 'x'\)"),
    ],
)
def test_a_file_cannot_ask_for_a_network_far_larger_than_itself(unet_spec, options, words):
    """4.3 GB were taken for a file of some kilobytes before it was refused."""
    spec = dataclasses.replace(unet_spec, options={**UNET, **options})
    with pytest.raises(SegstudioError, match=words):
        Segmenter(spec, device="cpu").load()


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


def test_a_model_that_is_described_anew_is_not_read_again(unet_spec, monkeypatch):
    cache = SegmenterCache()
    first = cache.get(unet_spec, "cpu")
    answer = first.predict(image(24, 32))
    monkeypatch.setattr(module, "load_state", lambda path: pytest.fail("it was read again"))
    anew = dataclasses.replace(
        unet_spec, title="Other", preprocess={"std": [0.01, 0.01, 0.01], "divisor": 4}
    )
    second = cache.get(anew, "cpu")
    assert second.network is first.network
    assert second.spec is anew
    # what was begun with the first description goes on with it
    again = first.predict(image(24, 32))
    assert (again.title, again.confidence.tobytes()) == (
        "Model M", answer.confidence.tobytes(),
    )  # fmt: skip
    other = second.predict(image(24, 32))
    assert other.title == "Other"
    assert other.confidence.tobytes() != answer.confidence.tobytes()


@pytest.mark.parametrize("what", ["options", "builder", "weights"])
def test_another_network_is_not_taken_for_the_one_in_memory(unet_spec, what):
    segmenter = SegmenterCache().get(unet_spec, "cpu")
    changes = {
        "options": {**UNET, "upsampling": "bilinear"},
        "builder": "elsewhere:UNet",
        "weights": dataclasses.replace(unet_spec.weights, sha256="ab"),
    }
    assert not segmenter.is_of(dataclasses.replace(unet_spec, **{what: changes[what]}))
    assert segmenter.is_of(unet_spec)
