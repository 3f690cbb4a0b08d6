"""Networks whose convolutions pad nothing: skips are cropped, and all stages lie where they look."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from field_unets import Unpadded
from tutorial_unets import Tutorial, randomised

from segstudio.core.features import EdgeCut, Role
from segstudio.inspection.nets.traced_model import TracedModel
from segstudio.inspection.skip_merge_views import JoinView
from segstudio.inspection.ui.skip_page import explained
from segstudio.models.registry import spec_from_weights
from segstudio.models.segmenter import Segmenter

UNPADDED = "nothing: each convolution makes it smaller, and skips are cropped"


def traced_of(network, folder, pixels, **answers):
    path = folder / "net.pth"
    torch.save(randomised(network).state_dict(), path)
    spec = spec_from_weights(path, answers=answers)
    return TracedModel(Segmenter(spec, device="cpu"), pixels)


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)


def test_an_unpadded_u_net_has_its_stages_and_cropped_skips(tmp_path, photo):
    found = traced_of(Unpadded(3), tmp_path, photo, padding=UNPADDED).trace()
    assert [layer.name for layer in found.of_role(Role.ENCODER)] == ["enc1", "enc2"]
    assert [layer.name for layer in found.of_role(Role.BOTTLENECK)] == ["enc3"]
    assert [layer.name for layer in found.of_role(Role.DECODER)] == ["dec2", "dec1"]
    assert [layer.stride for layer in found.layers] == [1, 1, 2, 4, 2, 1, 1]
    # 96 x 128 with 20 around is 136 x 168; two 3 x 3 leave 132, halved 66, then 62, 31, 27;
    # doubled 54 and 50, doubled 100 and 96
    low, high = found.skips
    assert (low.cropped_from, low.shape[1:]) == ((62, 78), (54, 70))
    assert (high.cropped_from, high.shape[1:]) == ((132, 164), (100, 132))
    assert high.crop_text == "cropped from 132\u00d7164"
    assert any("without padding" in note for note in found.notes)


def test_what_is_joined_has_its_place_on_the_photo(tmp_path, photo):
    found = traced_of(Unpadded(3), tmp_path, photo, padding=UNPADDED).trace()
    low, high = found.skips
    # enc1 begins 2 pixels in, 16 of it are cropped, and 20 lie before the photo
    assert (high.place.start, high.place.jump) == ((-1.5, -1.5), (1.0, 1.0))
    assert (low.place.start, low.place.jump) == ((-5.0, -5.0), (2.0, 2.0))


def test_that_a_skip_is_cropped_is_said(tmp_path, photo):
    edge = traced_of(Unpadded(3), tmp_path, photo, padding=UNPADDED).trace().skips[1]
    view = JoinView(edge, (), "dec1.0", -0.19)
    told = explained(view)
    assert told.endswith(
        "enc1 is cropped from 132\u00d7164 to 100\u00d7132, as convolutions pad nothing."
    )
    whole = replace(edge, cropped_from=None)
    assert "cropped" not in explained(JoinView(whole, (), "dec1.0", -0.19))


def test_a_spot_is_seen_where_it_is_by_all_stages(tmp_path):
    photo = np.zeros((96, 128, 3), np.uint8)
    spot = traced_of(Unpadded(3), tmp_path, photo, padding=UNPADDED)
    photo[70:73, 30:33] = 255
    dark, bright = spot.trace(), traced_of(Unpadded(3), tmp_path, photo, padding=UNPADDED).trace()
    for name in ("enc1", "enc2", "enc3", "dec2", "dec1", "out"):
        change = np.abs(
            bright.activation(name).astype(np.float32) - dark.activation(name).astype(np.float32)
        ).sum(0)
        rows, cols = np.indices(change.shape)
        middle = (rows * change).sum() / change.sum(), (cols * change).sum() / change.sum()
        at = bright.position(name, 71.5, 31.5)
        # its changes lie around the position; without the border they would lie 20 pixels off
        assert np.abs(np.subtract(middle, at)).max() * bright.layer(name).stride < 6, name


def test_a_cropped_skip_can_be_cut_and_looked_at(tmp_path, photo):
    model = traced_of(Unpadded(3, 4), tmp_path, photo, padding=UNPADDED)
    whole = model.predict()
    for edge in model.trace().skips:
        assert (model.labels([EdgeCut(edge)]) != whole.labels).any()
        assert model.skip_merge(edge).sources[0].shape == edge.shape


def test_reflected_borders_hide_no_stage(tmp_path, photo):
    found = traced_of(Tutorial(), tmp_path, photo, padding="reflected").trace()
    assert [layer.name for layer in found.of_role(Role.ENCODER)] == ["down_1", "down_2"]
    assert len(found.skips) == 2
    assert not any("without padding" in note for note in found.notes)
    assert found.layer("down_1").receptive_field.size == (5, 5)
