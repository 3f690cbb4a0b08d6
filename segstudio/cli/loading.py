"""What commands that run a model have in common: finding it, its weights, loading it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from segstudio.cli.exit_codes import InputError, input_errors
from segstudio.cli.output import progress_bar, warn
from segstudio.core.prediction import ModelSpec, parts_of
from segstudio.models.registry import get_spec, registry, spec_from_weights
from segstudio.models.weights import download, find_weights
from segstudio.runs.engine import TorchEngine
from segstudio.runs.kept_weights import (
    KeptWeights,
    described_file,
    own_weights_file,
    read_kept,
    with_kept,
)
from segstudio.runs.named_runs import with_named_runs
from segstudio.storage.folders import user_folders


def chosen_spec(model: str | None, weights: Path | None, verb: str) -> ModelSpec:
    """The model that the options name.

    Args:
        model: Id of a model or of a named run.
        weights: A file of the user's own, for the model or instead of it.
        verb: What shall be done with it, for the error.

    Raises:
        InputError: if nothing is named.
        SegstudioError: if the model is unknown or the file cannot be used.
    """
    if weights is not None:
        return _of_file(weights, model)
    if model is None:
        raise InputError(f"Say which model to {verb} with --model.", "segstudio models lists them.")
    return models_with([model]).get(model) or get_spec(model)


def models_with(names: Iterable[str]) -> Mapping[str, ModelSpec]:
    """All models by id, the user's own too; named runs if one of the names may be one of them."""
    known = known_models()
    if all(name in known or Path(name).is_file() for name in names):
        return known
    return with_named_runs(known, user_folders().config / "runs.json", TorchEngine())


def known_models() -> dict[str, ModelSpec]:
    """All models by id, and after them the weights of the user's own that were opened before."""
    return with_kept(registry(), _kept())


def spec_of_file(weights: Path) -> ModelSpec:
    """The model in a file of weights, as the user described it before, or as it is recognised.

    Raises:
        SegstudioError: if it cannot be read or recognised.
    """
    return described_file(weights, _kept(), spec_from_weights)


def _of_file(weights: Path, model: str | None) -> ModelSpec:
    if model is None:
        return spec_of_file(weights)
    own = next((entry for entry in _kept() if entry.spec.id == model), None)
    if own is not None and model not in registry():
        raise InputError(
            f"{model} is a file of your own already: {own.path}.",
            "Give --model or --weights, not both.",
        )
    return spec_from_weights(weights, model)


def _kept() -> list[KeptWeights]:
    return read_kept(own_weights_file(user_folders()), warn)


def fetch_weights(spec: ModelSpec) -> None:
    """Download the weights of a model's parts that are not there, with a progress bar.

    Raises:
        SegstudioError: if they cannot be had.
    """
    for part in parts_of(spec):
        if find_weights(part) is None and part.weights is not None and part.weights.url:
            warn(f"Downloading the weights of {part.title} from {part.weights.url}")
            with progress_bar("Downloading", is_bytes=True) as show:
                download(part, report=show)


def engine_on(device: str) -> TorchEngine:
    """What gives loaded models; imports torch.

    Raises:
        InputError: if there is no such device.
    """
    from segstudio.models.devices import resolve_device

    with input_errors():
        resolve_device(device)
    return TorchEngine()
