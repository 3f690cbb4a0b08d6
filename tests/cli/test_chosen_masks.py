"""--gt and --pattern of predict, compare and evaluate."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import run
from PIL import Image

MASK = np.zeros((16, 16), np.uint8)
MASK[4:12, 4:12] = 1


@pytest.fixture
def flat(tmp_path):
    """Photos and masks in one folder, with an ending that nobody else uses."""
    folder = tmp_path / "cells"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / f"{name}.png")
        Image.fromarray(MASK).save(folder / f"{name}~expert.png")
    return folder


def test_predict_takes_no_named_mask_for_a_photo(capsys, tmp_path, flat, weights):
    words = ("predict", flat, "--weights", weights, "--out", tmp_path / "o", "--json")
    code, text, _ = run(capsys, *words, "--pattern", "{stem}~expert.png")
    assert (code, json.loads(text)["images"]) == (0, 2)
    assert sorted(p.name for p in (tmp_path / "o").glob("*.png")) == ["a.png", "b.png"]


@pytest.mark.parametrize("with_gt", [False, True])
def test_compare_finds_them(capsys, flat, weights, with_gt):
    gt = ("--gt", flat) if with_gt else ()
    words = ("compare", flat, "--models", weights, "--pattern", "{stem}~expert.png", *gt, "--json")
    code, text, _ = run(capsys, *words)
    assert code == 0
    data = json.loads(text)
    assert (
        data["models"][0]["images"] == 2 if "images" in data["models"][0] else data["images"] == 2
    )


def test_evaluate_pairs_by_the_pattern(capsys, tmp_path, flat):
    (tmp_path / "pred").mkdir()
    Image.fromarray(MASK).save(tmp_path / "pred" / "a.png")
    words = ("evaluate", tmp_path / "pred", flat, "--pattern", "{stem}~expert.png", "--json")
    code, text, _ = run(capsys, *words)
    data = json.loads(text)
    assert (data["images"], data["mean_iou"]) == (1, 1.0)
    assert data["without_prediction"] == ["b~expert.png"]
    assert code == 1  # b has no prediction


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--pattern", "mask.png"], "is no pattern"),
        (["--pattern", "{stem}_none.png"], "is called as {stem}_none.png says"),
    ],
)
def test_what_is_wrong_is_said(capsys, flat, words, message):
    code, _, err = run(capsys, "evaluate", flat, flat, *words)
    assert code == 2
    assert message in err


def test_the_window_is_given_both(capsys, tmp_path, flat, monkeypatch):
    given = []
    monkeypatch.setattr(
        "segstudio.__main__.open_window", lambda folder, **more: given.append((folder, more)) or 0
    )
    assert run(capsys, flat, "--gt", flat, "--pattern", "{stem}~expert.png")[0] == 0
    ((folder, more),) = given
    assert folder == flat
    assert more["masks"].folder == flat
    assert more["masks"].pattern.text == "{stem}~expert.png"
    code, _, err = run(capsys, "--pattern", "{stem}_L.png")
    assert (code, "Give the folder too" in err) == (2, True)
