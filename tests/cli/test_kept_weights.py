"""Weights that were opened and described in the window are known to the commands."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from commands import run
from prompted import sam_folder
from safetensors.torch import save_file

from segstudio.core.schema import LabelSchema
from segstudio.models.families.unet import UNet
from segstudio.models.registry import spec_from_weights
from segstudio.models.sam_files import promptable_spec
from segstudio.runs.kept_weights import kept_as, own_weights_file, read_kept, write_kept
from segstudio.storage.folders import user_folders


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The file of a network of 2 channels, described as one of cells on the ground."""
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))
    torch.manual_seed(0)
    weights = tmp_path / "best.safetensors"
    save_file(UNet(base_channels=2, depth=1, num_classes=2).state_dict(), str(weights))
    spec = replace(
        spec_from_weights(weights),
        title="Cells of 2025",
        schema=LabelSchema.from_names(("ground", "cell")),
        preprocess={"scaling": "percentile", "divisor": 2},
    )
    write_kept(own_weights_file(user_folders()), [kept_as(spec, lambda: None, 10)])
    return weights


@pytest.fixture
def images(tmp_path):
    (tmp_path / "pictures" / "masks").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "pictures" / "a.png"), pixels)
    cv2.imwrite(str(tmp_path / "pictures" / "masks" / "a.png"), (pixels[..., 0] > 99).astype("u1"))
    schema = LabelSchema.from_names(("ground", "cell")).to_json()
    (tmp_path / "pictures" / "segstudio.json").write_text(json.dumps(schema))
    return tmp_path / "pictures"


def classes_of(folder) -> list[str]:
    return [c["name"] for c in json.loads((folder / "segstudio.json").read_text())["classes"]]


def test_they_are_listed_with_their_file(capsys, kept):
    code, text, _ = run(capsys, "models", "--json")
    assert code == 0
    entry = next(m for m in json.loads(text) if m["id"] == "best")
    assert (entry["title"], entry["own"], entry["classes"]) == (
        "Cells of 2025", True, ["ground", "cell"],
    )  # fmt: skip
    assert entry["weights"]["path"] == str(kept)
    assert run(capsys, "models")[1].splitlines()[-3].split()[-1] == str(kept)


def test_a_missing_file_says_so_in_the_list_and_when_it_shall_run(capsys, kept, images, tmp_path):
    kept.unlink()
    assert f"missing: {kept}" in run(capsys, "models")[1]
    out = tmp_path / "out"
    code, _, err = run(capsys, "predict", images, "--model", "best", "--out", out)
    assert code != 0
    assert str(kept) in err
    assert "Put the file back" in err


@pytest.mark.parametrize("how", ["id", "file", "copy"])
def test_the_description_holds_by_id_and_by_content(capsys, kept, images, tmp_path, how):
    copy = tmp_path / "elsewhere.safetensors"
    shutil.copy(kept, copy)
    arguments = {
        "id": ("--model", "best"),
        "file": ("--weights", kept),
        "copy": ("--weights", copy),
    }
    out = tmp_path / "out"
    code, text, err = run(capsys, "predict", images, *arguments[how], "--out", out, "--json")
    assert (code, err) == (0, "")
    assert json.loads(text)["model"] == "best"
    assert classes_of(out) == ["ground", "cell"]


def test_another_file_is_recognised_as_ever(capsys, kept, images, tmp_path):
    other = tmp_path / "other.safetensors"
    torch.manual_seed(1)
    save_file(UNet(base_channels=2, depth=1, num_classes=2).state_dict(), str(other))
    out = tmp_path / "out"
    assert run(capsys, "predict", images, "--weights", other, "--out", out)[0] == 0
    assert classes_of(out) == ["background", "class 1"]


def test_a_listed_model_takes_no_other_file(capsys, kept, images, tmp_path):
    code, _, err = run(
        capsys, "predict", images, "--model", "best", "--weights", kept, "--out", tmp_path / "out"
    )
    assert code == 2
    assert "best is a file of your own already" in err


def test_models_are_compared_by_id_and_by_file(capsys, kept, images):
    code, text, err = run(capsys, "compare", images, "--models", f"best,{kept}", "--json")
    assert (code, err) == (0, "")
    assert [m["id"] for m in json.loads(text)["models"]] == ["best"]


def test_an_empty_list_costs_no_digest(tmp_path, monkeypatch):
    from segstudio.runs import kept_weights

    def read(path, check=None):
        raise AssertionError("it need not be read")

    monkeypatch.setattr(kept_weights, "content_digest", read)
    assert kept_weights.known_file(tmp_path, []) is None


def test_damaged_files_of_the_users_own_are_said_once_by_the_commands(
    capsys, kept, images, tmp_path
):
    config = user_folders().config
    config.mkdir(parents=True, exist_ok=True)
    for name in ("settings.json", "runs.json"):
        (config / name).write_text("{")
    arguments = ("predict", images, "--model", "best", "--out", tmp_path / "out")
    code, _, err = run(capsys, *arguments)
    assert (code, err.count("settings.json is damaged")) == (0, 1)
    code, _, err = run(capsys, "compare", images, "--models", "nosuch")
    assert (code, err.count("runs.json is damaged")) == (2, 1)


def test_networks_that_answer_points_are_the_windows(capsys, kept, images, tmp_path):
    folder, _ = sam_folder(tmp_path / "tiny-sam")
    file = own_weights_file(user_folders())
    write_kept(file, [*read_kept(file), kept_as(promptable_spec(folder), lambda: None, 10)])
    assert "tiny-sam" not in run(capsys, "models")[1]
    assert "best" in run(capsys, "models")[1]
    for weights in (folder, folder / "model.safetensors"):
        code, _, err = run(
            capsys, "predict", images, "--weights", weights, "--out", tmp_path / "out"
        )
        assert code != 0
        assert "answers clicks and names no classes" in err
