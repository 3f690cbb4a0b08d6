"""Writing a trained network as one safetensors file that describes itself, and reading it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from segstudio.models.families import imported

KEY = "segstudio"
FORMAT = 1
PACKAGE = "segstudio."
LARGEST_HALF = 65504.0


def half_precision(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors as contiguous float16; batch norm's statistics and integers stay.

    A tensor with a value that float16 cannot hold stays float32 too.
    """
    return {name: _half(name, value).contiguous() for name, value in state.items()}


def _half(name: str, value: Tensor) -> Tensor:
    keep = not value.is_floating_point() or name.endswith(("running_mean", "running_var"))
    if keep or (value.numel() and float(value.abs().max()) > LARGEST_HALF):
        return value.detach().clone(memory_format=torch.contiguous_format)
    return value.detach().to(torch.float16, memory_format=torch.contiguous_format)


def save_model(
    path: Path,
    model: nn.Module,
    description: dict[str, Any],
    state: dict[str, Tensor] | None = None,
    *,
    half: bool = True,
) -> None:
    """Write weights and description; an older file stays until the new one is whole.

    Args:
        path: the safetensors file.
        model: the network.
        description: JSON values; "builder" ("module:name") and "options" make the network again.
        state: its tensors under other names; those of its state dict if not given.
        half: whether weights are stored in half precision, or as they are.
    """
    text = json.dumps({"format": FORMAT, **description}, ensure_ascii=False)
    partial = path.with_name(path.name + ".part")
    tensors = model.state_dict() if state is None else state
    stored = half_precision(tensors) if half else _as_they_are(tensors)
    save_file(stored, str(partial), metadata={KEY: text})
    partial.chmod(0o644)  # safetensors makes its files private
    partial.replace(path)


def _as_they_are(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, each with memory of its own."""
    form = torch.contiguous_format
    return {name: value.detach().cpu().clone(memory_format=form) for name, value in state.items()}


def read_description(path: Path) -> dict[str, Any]:
    """Return what ``save_model`` stored beside the weights.

    Raises:
        ValueError: if the file has no description of this program or a newer one.
    """
    with safe_open(str(path), framework="pt") as file:
        text = (file.metadata() or {}).get(KEY)
    if text is None:
        raise ValueError(f"{path.name} holds weights, but no description by segstudio")
    description: dict[str, Any] = json.loads(text)
    if description.get("format") != FORMAT:
        raise ValueError(f"{path.name} has format {description.get('format')}, not {FORMAT}")
    return description


def build(description: dict[str, Any]) -> nn.Module:
    """Make the described network with random weights.

    Raises:
        ValueError: if the builder is not one of segstudio's: a file must not choose what code runs.
    """
    builder = str(description["builder"])
    if not builder.startswith(PACKAGE + "models."):
        raise ValueError(f"{builder} is not a builder of segstudio.models")
    network: nn.Module = imported(builder)(**description["options"])
    return network


def load_model(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Return the network in float32 and evaluation mode, and its description."""
    description = read_description(path)
    with safe_open(str(path), framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    model = build(description)
    model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    return model.eval(), description


def load_state_of(network: nn.Module, path: Path) -> None:
    """Put the weights of a file that `save_model` wrote into its network."""
    with safe_open(str(path), framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    inner = getattr(network, "inner", None)
    (inner if isinstance(inner, nn.Module) else network).load_state_dict(state)
