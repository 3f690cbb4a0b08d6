"""--set: what a file of weights does not tell about its network."""

import cv2
import numpy as np
import pytest
import torch
from commands import run
from segmenters import balance
from torch import nn

from segstudio.models.unet import UNet

NOTE = "note: own.pth does not tell: corners=aligned (usual; --set NAME=VALUE changes it)\n"


@pytest.fixture
def weights(tmp_path, image):
    torch.manual_seed(1)
    network = UNet(base_channels=4, depth=3, upsampling="bilinear", corners="not aligned")
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_var /= 16  # what is deep counts
    pixels = cv2.imread(str(image), cv2.IMREAD_COLOR_RGB)
    balance(network, network.outc.conv, torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)
    torch.save(network.state_dict(), tmp_path / "own.pth")
    return tmp_path / "own.pth"


def masks(capsys, image, weights, out, *more):
    code, _, err = run(capsys, "predict", image, "--weights", weights, "--out", out, *more)
    assert code == 0
    return cv2.imread(str(out / image.name), cv2.IMREAD_UNCHANGED), err


def test_another_answer_gives_another_mask_and_the_usual_one_is_told(
    capsys, image, weights, tmp_path
):
    usual, told = masks(capsys, image, weights, tmp_path / "a")
    other, quiet = masks(capsys, image, weights, tmp_path / "b", "--set", "corners=not aligned")
    assert NOTE in told
    assert "does not tell" not in quiet
    assert (usual != other).any()
    assert np.unique(usual).size > 1


def test_results_of_another_answer_are_not_added_to(capsys, image, weights, tmp_path):
    masks(capsys, image, weights, tmp_path / "a")
    arguments = ("predict", image, "--weights", weights, "--out", tmp_path / "a")
    code, _, err = run(capsys, *arguments, "--set", "corners=not aligned")
    assert code == 2
    assert "corners aligned" in err
    assert "corners not aligned" in err


def test_choices_that_fit_nothing_are_told_of(capsys, image, weights, tmp_path):
    begin = ("predict", image, "--out", tmp_path / "a")
    for more, words in (
        (("--weights", weights, "--set", "corners=round"), "It can be: aligned, not aligned."),
        (("--weights", weights, "--set", "mode=a"), "It can be: corners."),
        (("--weights", weights, "--set", "corners"), "--set 'corners' is no choice"),
        (("--model", "unet-nuclei", "--set", "corners=aligned"), "--set is for a file of weights"),
    ):
        code, _, err = run(capsys, *begin, *more)
        assert code == 2
        assert words in err


def test_inspect_and_compare_take_it_too(capsys, image, weights):
    code, _, err = run(capsys, "inspect", image, "--weights", weights)
    assert (code, err) == (0, NOTE)
    choice = ("--set", "corners=not aligned")
    assert run(capsys, "inspect", image, "--weights", weights, *choice)[::2] == (0, "")
    found = run(capsys, "compare", image.parent, "--models", f"unet-small-no-skips,{weights}")
    assert NOTE in found[2]
    told = run(capsys, "compare", image.parent, "--models", weights, *choice)
    assert "does not tell" not in told[2]
    code, _, err = run(capsys, "compare", image.parent, "--models", "unet-small-no-skips", *choice)
    assert code == 2
    assert "None of the files of weights leaves 'corners' open." in err
