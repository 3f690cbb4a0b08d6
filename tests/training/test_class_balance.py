"""Shares, widths and the loss that fits them, on masks made by hand."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from segstudio.training.class_balance import ClassBalance, advise
from segstudio.training.losses import LossSettings, parse_loss

NAMES = ("ground", "cell", "line", "dot")


def balance(*masks, classes=4, **more):
    return ClassBalance.of([np.asarray(m, np.uint8) for m in masks], classes, **more)


def test_shares_are_of_the_pixels_that_count():
    found = balance([[0, 0, 1, 255]], [[0, 1, 1, 9]], ignore_index=255)
    assert found.pixels == (3, 3, 0, 0)
    assert found.masks == (2, 2, 0, 0)
    assert found.shares == (0.5, 0.5, 0, 0)
    # the ignored id may be one of the classes
    assert balance([[0, 0, 1, 3]], ignore_index=0).pixels == (0, 1, 0, 1)
    assert balance(np.full((2, 2), 255)).shares == (0, 0, 0, 0)


@pytest.mark.parametrize("width", [1, 3, 5, 9])
def test_the_width_of_a_band_is_that_of_the_band(width):
    mask = np.zeros((200, 200))
    mask[50 : 50 + width] = 2
    assert balance(mask).widths[2] == pytest.approx(width, rel=1e-3)


def test_lines_are_thin_and_cells_are_not():
    mask = np.zeros((300, 300), np.uint8)
    cv2.circle(mask, (60, 60), 30, 1, -1)
    cv2.rectangle(mask, (200, 200), (240, 240), 1, -1)
    cv2.line(mask, (10, 290), (290, 120), 2, 5)
    cv2.circle(mask, (150, 30), 2, 3, -1)
    found = balance(mask)
    assert found.thin_classes == (2,)
    assert found.widths[2] == pytest.approx((mask == 2).sum() / np.hypot(280, 170), rel=0.15)


def test_a_net_of_thin_lines_is_thin_and_what_it_parts_is_not():
    mask = np.ones((240, 240))
    mask[::40] = mask[:, ::40] = 2
    assert balance(mask).thin_classes == (2,)


@pytest.mark.parametrize(("width", "thin"), [(3, (2,)), (15, (2,)), (17, ()), (45, ())])
def test_what_is_long_and_wide_is_not_thin(width, thin):
    """People who stand, logs, rivers: their middle needs no loss of its own."""
    mask = np.zeros((500, 500))
    mask[:, 100 : 100 + width] = 2
    assert balance(mask).thin_classes == thin


def shared(*shares):
    """A balance with these shares, and nothing thin."""
    pixels = tuple(round(share * 100_000) for share in shares)
    return ClassBalance(pixels, (1,) * len(pixels), (0,) * len(pixels), (20.0,) * len(pixels))


def test_what_is_balanced_gets_cross_entropy_and_dice():
    advice = advise(shared(0.5, 0.3, 0.12, 0.08), NAMES)
    assert advice.loss == "cross-entropy+dice"
    assert "No class is rare (dot has 8.0 % of the pixels)" in advice.why
    assert not advice.missing


@pytest.mark.parametrize(
    ("share", "words"), [(0.009, "0.9 %"), (0.0004, "0.04 %"), (0.00002, "0.002 %")]
)
def test_a_class_under_one_per_cent_gets_weights(share, words):
    advice = advise(shared(0.8 - share, 0.1, 0.1, share), NAMES)
    assert advice.loss == "effective-number+dice"
    assert f"The rarest class, dot, has {words} of the pixels" in advice.why


def test_one_per_cent_is_not_rare_and_a_class_without_pixels_is_missing():
    advice = advise(shared(0.89, 0.1, 0.01, 0), NAMES)
    assert advice.loss == "cross-entropy+dice"
    assert advice.missing == (3,)


def test_masks_about_thin_structures_get_cldice_of_these():
    mask = np.zeros((240, 240))
    mask[::40] = mask[:, ::40] = 2
    mask[100:104, 100:104] = 1
    advice = advise(balance(mask), NAMES)
    assert advice.loss == "effective-number+dice+0.5*cldice"
    assert advice.thin == (2,)
    assert "Objects of line are thin (about 1 px): clDice keeps them connected." in advice.why


def test_a_thin_class_among_much_else_does_not():
    """Poles in a street: centre lines would take more time than they are worth."""
    mask = np.zeros((240, 240))
    mask[:120] = 1
    mask[:, 100:103] = 2
    found = balance(mask)
    assert found.thin_classes == (2,)
    assert advise(found, NAMES).loss == "cross-entropy+dice"


@pytest.mark.parametrize("shares", [(1.0, 0, 0, 0), (0, 0, 0, 0)])
def test_masks_of_one_class_say_that_there_is_nothing_to_learn(shares):
    advice = advise(shared(*shares), NAMES)
    assert "nothing to tell apart yet" in advice.why


def test_each_suggestion_can_be_made():
    losses = {
        advise(shared(*s), NAMES).loss for s in ((0.5, 0.5, 0, 0), (0.99, 0.009, 0.001, 0))
    } | {"effective-number+dice+0.5*cldice"}
    for loss in losses:
        parse_loss(loss).make(LossSettings(4, thin=(2,)))


def test_it_is_known_without_torch():
    code = "import segstudio.training.class_balance, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
