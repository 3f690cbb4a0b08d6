"""Proposals of a region proposal network, held against its own heads and torchvision's suppression."""

import numpy as np
import pytest
import torch
from inspection_networks import image, network
from torchvision.ops import batched_nms, clip_boxes_to_image, remove_small_boxes

from segstudio.inspection.nets.region_proposals import proposals


def decoded(model, pixels):
    """All boxes of the resized image, their logits and levels, and the resized size."""
    with torch.inference_mode():
        images, _ = model.transform([pixels])
        features = list(model.backbone(images.tensors).values())
        logits, deltas = model.rpn.head(features)
        anchors = model.rpn.anchor_generator(images, features)
        flat = [x.permute(0, 2, 3, 1).reshape(-1) for x in logits]
        moves = torch.cat([
            x.view(1, -1, 4, *x.shape[-2:]).permute(0, 3, 4, 1, 2).reshape(-1, 4) for x in deltas
        ])  # fmt: skip
        boxes = model.rpn.box_coder.decode(moves, anchors)[:, 0]
    levels = torch.cat([torch.full((len(x),), n) for n, x in enumerate(flat)])
    return boxes, torch.cat(flat), levels, images.image_sizes[0]


@pytest.mark.parametrize("name", ["maskrcnn-embedded", "tv.maskrcnn"])
def test_they_are_those_of_the_network_before_and_after_suppression(name):
    model = network(name)
    pixels = image(80, 120, seed=4)
    found = proposals(model, pixels)
    boxes, logits, levels, resized = decoded(model, pixels)
    assert found.anchors == len(logits)
    clipped = clip_boxes_to_image(boxes, resized)
    there = remove_small_boxes(clipped, 1e-3)  # others lie beyond the edge of the image
    clipped, logits, levels = clipped[there], logits[there], levels[there]
    to_image = np.array([120 / resized[1], 80 / resized[0]] * 2, np.float32)

    order = logits.argsort(descending=True, stable=True)[:20]
    assert np.allclose(found.before.objectness[:20], logits[order].sigmoid().numpy(), atol=1e-5)
    assert np.allclose(found.before.boxes[:20], clipped[order].numpy() * to_image, atol=1e-2)
    assert (np.diff(found.before.objectness) <= 0).all()

    kept = batched_nms(clipped, logits.sigmoid(), levels, model.rpn.nms_thresh)
    best = kept[: min(5, len(found.after))]
    assert np.allclose(found.after.objectness[:5], logits[best].sigmoid().numpy(), atol=1e-5)
    assert np.allclose(found.after.boxes[:5], clipped[best].numpy() * to_image, atol=1e-2)
    assert len(found.after) <= 40  # as many as the network keeps
    assert found.threshold == pytest.approx(0.7)


def test_nothing_of_the_network_is_changed():
    model, pixels = network("maskrcnn-embedded"), image(80, 120)
    before = dict(vars(model.rpn))
    proposals(model, pixels)
    assert vars(model.rpn).keys() == before.keys()

    class Stop(Exception):
        pass

    def check():
        raise Stop

    with pytest.raises(Stop):
        proposals(model, pixels, check=check)
    assert vars(model.rpn).keys() == before.keys()


def test_a_network_of_classes_proposes_nothing():
    assert proposals(network("unet-transposed"), image(32, 48)) is None
