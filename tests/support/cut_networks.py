"""A studio to cut in, and the tiny U-Net with cuts worked out by hand."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from fakes import make_folder
from inspecting_desk import inspecting_desk
from safetensors.torch import load_file
from tiny_networks import UNET

import segstudio.inspection.nets.traced_model  # noqa: F401 - takes seconds, and no test shall wait for it
from segstudio.models.families.unet import UNet
from segstudio.models.preprocess import Preprocess


def cutting_desk(tmp_path, tiny_engine):
    """A studio with tiny networks, an open folder of three images, and a trace."""
    folder = make_folder(tmp_path / "images")
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for number in range(3):  # three times the same, and no even areas where classes nearly tie
        cv2.imwrite(str(folder / f"a{number}.png"), noise)
    with inspecting_desk(tmp_path, tiny_engine, folder) as made:
        yield made


# -- networks written by hand ------------------------------------------------------------------


def network_and_input(studio):
    spec = studio.session.models[UNET]
    model = UNet(**dict(spec.options)).eval()
    model.load_state_dict(load_file(spec.weights.filename))
    pixels = studio.session.document.pixels
    return model, Preprocess.from_dict(dict(spec.preprocess)).prepare(pixels)[0]


def labels_by_hand(studio, edit_one=None, edit_two=None, edit_skip_one=None, edit_skip_two=None):
    """The tiny U-Net's forward pass with features edited: of `inc`, of `down1`, of their skips."""
    model, x = network_and_input(studio)
    same = lambda features: features  # noqa: E731
    with torch.inference_mode():
        one = (edit_one or same)(model.inc(x))
        two = (edit_two or same)(model.down1(one))
        deep = model.down2(two)
        up1 = model.up1.conv(torch.cat([(edit_skip_two or same)(two), model.up1.up(deep)], 1))
        up2 = model.up2.conv(torch.cat([(edit_skip_one or same)(one), model.up2.up(up1)], 1))
        logits = model.outc(up2)
    height, width = studio.session.document.shape_hw
    return logits[0, :, :height, :width].argmax(0).numpy()


def iou_and_dice(truth, labels, class_id):
    both = np.sum((truth == class_id) & (labels == class_id))
    sizes = np.sum(truth == class_id) + np.sum(labels == class_id)
    return both / (sizes - both), 2 * both / sizes


def outline(region):
    """Pixels with another value, or the image's end, among their eight neighbours."""
    framed = np.pad(region, 1)
    inner = np.ones_like(region)
    for dy in range(3):
        for dx in range(3):
            inner &= framed[dy : dy + region.shape[0], dx : dx + region.shape[1]]
    return region & ~inner


def cut_labels(studio):
    return studio.session.inspection.cut_result.cut.labels
