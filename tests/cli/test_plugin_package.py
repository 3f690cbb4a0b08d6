"""The package on the page about adding a model: installed as it stands there, and used."""

import json
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import run
from PIL import Image
from safetensors.torch import save_file

from segstudio.models import registry

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-model.md"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The page's two files as pip leaves them: the module, and what describes it."""
    text = PAGE.read_text(encoding="utf-8").partition("## A complete package")[2]
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (project,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    described = tomllib.loads(project)["project"]
    site = tmp_path / "site-packages"
    (site / "stardust").mkdir(parents=True)
    (site / "stardust" / "__init__.py").write_text(code, encoding="utf-8")
    info = site / "stardust-1.0.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {described['name']}\nVersion: {described['version']}\n"
    )
    (name, target), = described["entry-points"]["segstudio.models"].items()  # fmt: skip
    info.joinpath("entry_points.txt").write_text(f"[segstudio.models]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(site)
    registry._cached_registry.cache_clear()  # else it would be known at the next start
    import stardust

    torch.manual_seed(1)
    network = stardust.Stardust(2).eval()
    with torch.inference_mode():  # so that both classes win somewhere
        scores = network(torch.rand(1, 3, 34, 46))[0]
        network.head.bias[1] -= (scores[1] - scores[0]).median()
    save_file(network.state_dict(), stardust.WEIGHTS)
    yield code, network
    del sys.modules["stardust"]
    registry._cached_registry.cache_clear()


def write_image(folder):
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (34, 46, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "cells.png")
    return pixels


def test_it_is_as_short_as_it_is_said_to_be(package):
    code, _ = package
    assert len([line for line in code.splitlines() if line.strip()]) <= 42


def test_it_is_listed_predicts_and_is_looked_into(package, capsys, tmp_path):
    _, network = package
    pixels = write_image(tmp_path / "images")

    code, out, _ = run(capsys, "models", "--json")
    (listed,) = (model for model in json.loads(out) if model["id"] == "stardust")
    assert (code, listed["family"], listed["title"]) == (0, "Stardust", "Stardust, cells")

    masks = tmp_path / "masks"
    model = ("--model", "stardust", "--device", "cpu")
    code, _, err = run(capsys, "predict", tmp_path / "images", *model, "--out", masks)
    assert code == 0, err
    with torch.inference_mode():
        x = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
        wanted = network(x)[0].argmax(0).numpy()
    found = np.array(Image.open(masks / "cells.png"))
    assert 0 < wanted.mean() < 1
    assert np.array_equal(found, wanted)

    code, out, err = run(capsys, "inspect", tmp_path / "images" / "cells.png", *model, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert [(s["name"], s["role"]) for s in report["stages"]] == [
        ("input", "input"), ("fine", "encoder"), ("coarse", "bottleneck"), ("join", "decoder"),
        ("head", "head"),
    ]  # fmt: skip
    assert [(s["source"], s["target"]) for s in report["skips"]] == [("fine", "join")]
    assert "conv 3 \u00d7 3, dilation 8" in report["stages"][2]["operations"]
