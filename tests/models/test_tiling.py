"""Tiles: they cover every pixel once in all, and the network's edge effects do not count."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from segstudio.core.progress import no_check, no_report
from segstudio.models.preprocess import Preprocess
from segstudio.models.semantic import SemanticRunner, to_class_map
from segstudio.models.tiling import TileGrid, spans


@settings(deadline=None, max_examples=200)
@given(
    length=st.integers(1, 5000),
    tile=st.sampled_from([64, 256, 300, 1024]),
    overlap=st.integers(0, 600),
    align=st.sampled_from([1, 8, 32]),
)
def test_the_weights_of_all_tiles_add_up_to_one(length, tile, overlap, align):
    total = np.zeros(length)
    found = spans(length, tile, overlap, align)
    for span in found:
        assert len(span.weights) == span.stop - span.start
        assert span.weights.min() >= 0
        total[span.start : span.stop] += span.weights
        assert span.start % align == 0 or length <= tile
        assert span.stop - span.start <= tile + align - 1
    assert found[0].start == 0
    assert found[-1].stop == length
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_neighbours_overlap_by_what_was_asked():
    found = spans(6000, 2048, 256, 32)
    overlaps = [a.stop - b.start for a, b in itertools.pairwise(found)]
    assert len(found) == 4  # (6000 - 2048) / 1792 = 2.2 steps, so 3 steps
    assert min(overlaps) >= 256


def test_pixels_near_an_inner_edge_of_a_tile_do_not_count():
    first, second = spans(384, 256, 128)
    assert (first.start, first.stop, second.start, second.stop) == (0, 256, 128, 384)
    # 3/8 of the overlap of 128 at each end
    assert not first.weights[-48:].any()
    assert not second.weights[:48].any()
    assert (first.weights[:176] == 1).all()
    assert first.weights[128 + 64 - 1] == pytest.approx(1 - first.weights[128 + 64], abs=1e-6)


def test_an_image_that_fits_is_one_tile():
    grid = TileGrid.of((100, 2048), 2048, 256)
    assert len(grid) == 1
    (rect,) = grid.rects()
    assert (rect.height, rect.width) == (100, 2048)


class Blur(nn.Module):
    """Receptive field 29 (14 pixels each way), zero padding, pooling by 4 in between."""

    def __init__(self, classes=3):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 5, padding=2)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.ConvTranspose2d(8, classes, 4, stride=4)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.first(x)), 4)
        return self.last(torch.relu(self.second(x)))


def run(preprocess, pixels, tile_px, overlap=128):
    torch.manual_seed(1)
    runner = SemanticRunner(Blur().eval(), preprocess, torch.device("cpu"))
    with torch.inference_mode():
        return runner.predict(pixels, tile_px, overlap, no_check, no_report)


def photo(height, width):
    rng = np.random.default_rng(5)
    field = rng.normal(size=(height // 8 + 2, width // 8 + 2, 3)).repeat(8, 0).repeat(8, 1)
    ramp = np.linspace(20, 180, width)[None, :, None]
    return np.clip(ramp + 40 * field[:height, :width], 0, 255).astype(np.uint8)


@pytest.mark.parametrize("scaling", ["unit", "percentile"])
def test_tiles_give_what_the_whole_image_gives(scaling):
    pixels = photo(700, 900)
    preprocess = Preprocess(scaling, (0.4,) * 3, (0.3,) * 3, divisor=4)
    (whole, sure, _), one = run(preprocess, pixels, 2048)
    (tiled, sure_tiled, _), many = run(preprocess, pixels, 256)
    assert one == 1
    assert many > 20
    assert len(np.unique(whole)) == 3
    np.testing.assert_array_equal(tiled, whole)
    assert np.abs(sure.astype(int) - sure_tiled).max() <= 1


def test_cancel_stops_between_tiles():
    class StopError(Exception):
        pass

    calls = []

    def check():
        calls.append(1)
        if len(calls) == 3:
            raise StopError

    runner = SemanticRunner(Blur().eval(), Preprocess(divisor=4), torch.device("cpu"))
    with torch.inference_mode(), pytest.raises(StopError):
        runner.predict(photo(700, 900), 256, 64, check, no_report)


def test_progress_counts_tiles():
    seen = []
    runner = SemanticRunner(Blur().eval(), Preprocess(divisor=4), torch.device("cpu"))
    with torch.inference_mode():
        runner.predict(photo(300, 500), 256, 64, no_check, lambda *a: seen.append(a[:2]))
    total = seen[-1][1]
    assert seen == [(i, total) for i in range(total)] + [(total, total)]


@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess("percentile", (0.5,) * 3, (0.25,) * 3, divisor=16),
        Preprocess("percentile", factor=2.0),
        Preprocess("percentile", short_side=60, max_side=90),
        Preprocess("unit", (0.5,) * 3, (0.25,) * 3, short_side=50, divisor=8),
    ],
)
def test_a_tile_that_is_the_whole_image_is_prepared_like_the_image(preprocess):
    pixels = photo(75, 93)
    whole, geometry = preprocess.prepare(pixels)
    tile, tile_geometry = preprocess.prepare(pixels, preprocess.value_range(pixels))
    assert torch.equal(whole, tile)
    assert geometry == tile_geometry


def test_class_map_is_argmax_and_softmax_of_the_winner():
    logits = torch.tensor([[1.0, 0.0], [3.0, 0.0], [2.0, 0.0]]).reshape(1, 3, 1, 2)
    labels, confidence, _ = to_class_map(logits)
    # e^3 / (e + e^2 + e^3) = 0.66524; a tie goes to the first class with 1/3
    assert labels.tolist() == [[1, 0]]
    assert confidence.tolist() == [[round(255 * 0.66524), 85]]


def test_two_classes_are_decided_by_the_sign_of_the_difference():
    logits = torch.tensor([[2.0, 0.0, 5.0], [0.0, 1.0, 5.0]]).reshape(1, 2, 1, 3)
    labels, confidence, _ = to_class_map(logits)
    # 1 / (1 + e^-2) = 0.8808, 1 / (1 + e^-1) = 0.7311, a tie is background
    assert labels.tolist() == [[0, 1, 0]]
    assert confidence.tolist() == [[225, 186, 128]]


def test_class_maps_of_many_strips_are_whole(monkeypatch):
    monkeypatch.setattr("segstudio.models.semantic._STRIP_BYTES", 1000)
    logits = torch.randn(1, 5, 37, 23, generator=torch.Generator().manual_seed(2))
    labels, confidence, _ = to_class_map(logits)
    best = logits.softmax(1).max(1)
    np.testing.assert_array_equal(labels, best.indices[0].numpy())
    assert np.abs(confidence - best.values[0].numpy() * 255).max() <= 0.51
