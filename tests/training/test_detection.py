import numpy as np
import pytest
import torch
from augmentations import NO_AUGMENTATION

from segstudio.models.families.maskrcnn import maskrcnn
from segstudio.training.data import CropSampler, Sample
from segstudio.training.instance_training import (
    detection_batches,
    detection_loss,
    instance_target,
    use_bfloat16,
)
from segstudio.training.loop import FitOptions, Trainer


def test_boxes_and_masks_by_hand():
    ids = np.zeros((20, 30), np.uint16)
    ids[2:7, 3:13] = 500
    ids[10:16, 20:25] = 9
    ids[0, 29] = 7  # too small
    target = instance_target(ids)
    assert target["boxes"].tolist() == [[3, 2, 13, 7], [20, 10, 25, 16]]
    assert target["labels"].tolist() == [1, 1]
    assert np.array_equal(target["masks"][0].numpy(), ids == 500)
    assert target["masks"].dtype == torch.uint8


def test_touching_instances_stay_apart_and_parts_are_split():
    ids = np.zeros((20, 30), np.uint16)
    ids[5:10, 5:10] = 1
    ids[5:10, 10:15] = 2
    ids[15:19, 5:10] = 1  # a second part of the first, as reflection makes
    assert len(instance_target(ids)["labels"]) == 3


def test_thin_parts_are_left_out():
    ids = np.zeros((20, 30), np.uint16)
    ids[0:2, 0:20] = 1
    target = instance_target(ids)
    assert target["boxes"].shape == (0, 4)
    assert target["masks"].shape == (0, 20, 30)


def square_sampler():
    ids = np.zeros((64, 64), np.uint16)
    ids[8:24, 8:24] = 1
    ids[30:50, 36:56] = 2
    image = np.repeat(np.where(ids > 0, 200, 20).astype(np.uint8)[..., None], 3, axis=2)
    return CropSampler([Sample("squares", image, ids)], 64, NO_AUGMENTATION, seed=0)


@pytest.mark.slow
def test_a_few_steps_reduce_the_loss():
    torch.manual_seed(0)
    model = maskrcnn(
        "resnet18_small",
        2,
        blocks=(1, 1, 1),
        pyramid_channels=8,
        box_channels=16,
        mask_channels=8,
        short_side=64,
        min_scale=1.0,
        box_batch_size_per_image=16,
    )
    trainer = Trainer(model, detection_loss, FitOptions(steps=8, learning_rate=2e-3))
    use_bfloat16(model)
    told = []
    averaged = trainer.run(detection_batches(square_sampler(), 2), told.append)
    assert set(told[0].losses) == {
        "loss_classifier",
        "loss_box_reg",
        "loss_mask",
        "loss_objectness",
        "loss_rpn_box_reg",
    }
    for name in ("loss_mask", "loss_classifier"):
        assert told[-1].losses[name] < told[0].losses[name]
    with torch.inference_mode():  # the averaged copy is not patched
        assert averaged([torch.rand(3, 32, 32)])[0]["boxes"].dtype == torch.float32


def test_boxes_stay_float32_in_bfloat16():
    model = maskrcnn("resnet18_small", 2, short_side=32).eval()
    use_bfloat16(model)
    features = model.backbone(torch.rand(1, 3, 32, 32))
    assert {f.dtype for f in features.values()} == {torch.float32}
    assert list(features) == ["0", "1", "2", "pool"]
