import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from segstudio.models.families.unet import UNet
from segstudio.training.model_file import (
    half_precision,
    load_model,
    read_description,
    save_model,
)
from tools.embedded_models import metrics_table, model_card

DESCRIPTION = {
    "id": "tiny",
    "builder": "segstudio.models.families.unet:UNet",
    "options": {"base_channels": 2, "depth": 1},
}


def test_written_and_read_again(tmp_path):
    torch.manual_seed(0)
    model = UNet(base_channels=2, depth=1).to(memory_format=torch.channels_last).eval()
    model(torch.rand(1, 3, 8, 8))
    save_model(tmp_path / "tiny.safetensors", model, DESCRIPTION)
    again, description = load_model(tmp_path / "tiny.safetensors")
    assert description == {"format": 1, **DESCRIPTION}
    assert {p.dtype for p in again.parameters()} == {torch.float32}
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(again(x), model(x), atol=5e-3, rtol=0)
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.safetensors"]


def test_a_file_of_an_older_version_names_its_builder_as_it_was(tmp_path):
    path, model = tmp_path / "old.safetensors", UNet(base_channels=2, depth=1).eval()
    save_model(path, model, {**DESCRIPTION, "builder": "segstudio.models.unet:UNet"})
    again, _ = load_model(path)
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(again(x), model(x), atol=5e-3, rtol=0)


def test_statistics_and_large_values_stay_float32():
    state = {
        "conv.weight": torch.ones(2),
        "bn.running_var": torch.ones(2),
        "bn.num_batches_tracked": torch.tensor(5),
        "odd.weight": torch.tensor([1e6]),
    }
    types = {name: value.dtype for name, value in half_precision(state).items()}
    assert types == {
        "conv.weight": torch.float16,
        "bn.running_var": torch.float32,
        "bn.num_batches_tracked": torch.int64,
        "odd.weight": torch.float32,
    }


def test_metadata_is_one_json_text(tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_model(path, UNet(base_channels=2, depth=1), DESCRIPTION)
    with safe_open(str(path), "pt") as file:
        assert json.loads(file.metadata()["segstudio"])["id"] == "tiny"


def test_foreign_and_newer_files_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, str(path))
    with pytest.raises(ValueError, match="no description"):
        read_description(path)
    save_file({"a": torch.zeros(1)}, str(path), metadata={"segstudio": '{"format": 9}'})
    with pytest.raises(ValueError, match="format 9"):
        read_description(path)


def test_a_file_cannot_choose_what_code_runs(tmp_path):
    path = tmp_path / "evil.safetensors"
    save_model(path, torch.nn.Linear(1, 1), DESCRIPTION | {"builder": "os:system"})
    with pytest.raises(ValueError, match="not a builder"):
        load_model(path)


def test_card_says_what_matters():
    description = {
        "id": "unet-x",
        "title": "U-Net, x",
        "summary": "Finds x.",
        "task": "semantic",
        "licence": "Apache-2.0",
        "data": "Pictures of x.",
        "metrics": {"all": {"images": 3, "iou": 0.5, "dice": 2 / 3, "mean_image_iou": 0.4}},
        "preprocess": {"scaling": "unit", "factor": None},
        "training": {"seed": 7},
    }
    card = model_card(description, limits="Only x.", command="python -m x")
    for text in ("# U-Net, x", "Finds x.", "Apache-2.0", "| all | 3 | 0.500 | 0.667 | 0.400 |"):
        assert text in card
    assert "factor" not in card
    assert card.endswith("    python -m x\n")


def test_table_shows_only_known_columns():
    table = metrics_table({"all": {"images": 1, "ap50": 0.25}})
    assert table.splitlines()[0] == "| images | number | AP 0.50 |"
    assert table.splitlines()[2] == "| all | 1 | 0.250 |"
