import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from augmentations import NO_AUGMENTATION

from segstudio.models.families.unet import UNet
from segstudio.models.preprocess import Preprocess
from segstudio.training.data import CropSampler, Sample
from segstudio.training.loop import FitOptions, Trainer
from segstudio.training.semantic_training import mean_iou, scaled, semantic_batches, semantic_loss


@pytest.fixture
def sample():
    target = np.zeros((48, 48), np.uint8)
    cv2.circle(target, (20, 22), 13, 1, -1)
    image = np.random.default_rng(0).integers(0, 30, (48, 48, 3)).astype(np.uint8)
    image[target == 1] += 90
    return Sample("one", image, target)


@pytest.mark.slow
def test_small_network_learns_one_image(sample):
    preprocess = Preprocess("percentile", (0.5,) * 3, (0.25,) * 3)
    sampler = CropSampler([scaled(sample, preprocess)], 32, NO_AUGMENTATION, seed=0)
    batches = list(itertools.islice(semantic_batches(sampler, 2, preprocess), 4))
    torch.manual_seed(0)
    trainer = Trainer(
        UNet(base_channels=4, depth=2),
        semantic_loss,
        FitOptions(steps=30, learning_rate=0.02, ema=0.5),
    )
    told = []
    model = trainer.run(itertools.cycle(batches), told.append)
    assert told[-1].losses["loss"] < 0.8 * told[0].losses["loss"]  # smoothed over 50 steps
    assert mean_iou(model, batches, 2) > 0.9


def test_batches_are_normalised_as_at_prediction(sample):
    preprocess = Preprocess("percentile", (0.5, 0.4, 0.3), (0.25, 0.5, 1.0))
    ready = scaled(sample, preprocess)
    wanted, _ = preprocess.prepare(sample.image)
    mean, std = torch.tensor(preprocess.mean), torch.tensor(preprocess.std)
    whole = (torch.from_numpy(ready.image) / 255 - mean) / std
    assert (whole.permute(2, 0, 1) - wanted[0]).abs().max() <= 0.5 / 255 / 0.25 + 1e-6
    images, classes = next(
        semantic_batches(CropSampler([ready], 16, NO_AUGMENTATION, 0), 3, preprocess)
    )
    assert images.shape == (3, 3, 16, 16)
    assert classes.shape == (3, 16, 16)
    assert classes.dtype == torch.int64


@pytest.mark.parametrize("channels", ["rgb", "bgr", "grey"])
@pytest.mark.parametrize("scaling", ["unit", "none", "percentile", "standard"])
def test_a_crop_of_the_whole_is_what_prediction_sees(sample, scaling, channels):
    preprocess = Preprocess(scaling, (0.5,), (0.25,), channels=channels)
    wanted, _ = preprocess.prepare(sample.image)
    ready = scaled(sample, preprocess)
    plain = torch.from_numpy(ready.image)[None].permute(0, 3, 1, 2) / 255

    class Whole:
        def draw(self):
            return plain[0].permute(1, 2, 0).numpy(), sample.target

    images, _ = next(semantic_batches(Whole(), 1, preprocess))
    assert images.shape == wanted.shape
    # half a step of the bytes in between
    step = {"unit": 1 / 255, "none": 1, "percentile": 1 / 255, "standard": 16 / 255}[scaling]
    assert (images - wanted).abs().max() <= 0.51 * step / 0.25


def test_squashed_images_have_no_crops(sample):
    with pytest.raises(ValueError, match="given size"):
        scaled(sample, Preprocess(size=(8, 8)))


def test_resizing_becomes_the_samples_scale(sample):
    assert scaled(sample, Preprocess(factor=2.0)).scale == 2
    assert scaled(sample, Preprocess(short_side=96)).scale == 2
    assert np.array_equal(scaled(sample, Preprocess()).image, sample.image)


def test_mean_iou_by_hand(sample):
    class Fixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return torch.stack([-x[:, 0], x[:, 0], x[:, 0] * 0 - 9], 1)

    images = torch.tensor([-1.0, -1, 1, 1]).view(1, 1, 1, 4).expand(1, 3, 1, 4)
    target = torch.tensor([[[0, 1, 1, 255]]])
    # found 0 0 1, wanted 0 1 1; the third class is in neither
    assert mean_iou(Fixed(), [(images, target)], 3) == pytest.approx((1 / 2 + 1 / 2) / 2)


def test_target_may_have_ignored_pixels(sample):
    target = sample.target.copy()
    target[:20] = 255
    sampler = CropSampler([replace(sample, target=target)], 16, NO_AUGMENTATION, 0)
    batch = next(semantic_batches(sampler, 4, Preprocess()))
    loss = semantic_loss(UNet(base_channels=2, depth=1), batch)["loss"]
    assert torch.isfinite(loss)
