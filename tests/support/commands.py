"""What tests of the commands share."""

from __future__ import annotations

import json

import cv2
import numpy as np
from safetensors.torch import save_file

from segstudio.__main__ import main
from segstudio.core.schema import LabelSchema

SCHEMA = LabelSchema.from_names(["background", "cell"])


def run(capsys, *arguments):
    """The exit code, and what went to standard output and standard error."""
    code = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def evaluate(capsys, *arguments):
    return run(capsys, "evaluate", *arguments)


def save(path, rows, dtype=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.array(rows, dtype))


def describe(path, network, **fields):
    """Write a network's weights with what segstudio must know of them."""
    data = {
        "id": path.stem, "title": "T", "family": "unet", "task": "semantic",
        "builder": "segstudio.models.families.unet:UNet", "schema": SCHEMA.to_json(),
        "preprocess": {"scaling": "unit", "divisor": 4}, **fields,
    }  # fmt: skip
    save_file(network.state_dict(), path, {"segstudio": json.dumps(data)})
    return path
