"""What commands that run a model have in common: finding it, its weights, loading it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from segstudio.cli.exit_codes import InputError, input_errors
from segstudio.cli.output import progress_bar, warn
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image
from segstudio.core.prediction import ModelSpec, RunOptions, parts_of
from segstudio.models.registry import get_spec, registry, spec_from_weights
from segstudio.models.weights import download, find_weights
from segstudio.runs import route_memory
from segstudio.runs.engine import TorchEngine
from segstudio.runs.named_runs import with_named_runs
from segstudio.runs.route_memory import WORTH_TESTING, RouteMemory, on_routes
from segstudio.storage.folders import user_folders
from segstudio.storage.picture import unchecked
from segstudio.storage.settings import load_settings


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
        return spec_from_weights(weights, model)
    if model is None:
        raise InputError(f"Say which model to {verb} with --model.", "segstudio models lists them.")
    return models_with([model]).get(model) or get_spec(model)


def models_with(names: Iterable[str]) -> Mapping[str, ModelSpec]:
    """All models by id; the user's named runs too, if one of the names may be one of them."""
    known = registry()
    if all(name in known or Path(name).is_file() for name in names):
        return known
    return with_named_runs(known, user_folders().config / "runs.json", TorchEngine())


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


def on_fastest_route(
    spec: ModelSpec, count: int, read: Callable[[], Image], options: RunOptions
) -> ModelSpec:
    """The model with the routes that are remembered for its parts, or tested if that is worth it.

    Where the user switched faster ways off it stays exact.

    Args:
        spec: The model; its weights are on disk.
        count: On how many images it will run.
        read: Reads one of them.
        options: How it will run.
    """
    folders = user_folders()
    if not load_settings(folders.config / "settings.json").fast_routes:
        return spec
    memory = RouteMemory(folders.cache / "routes.json")
    answers = memory.find([spec], options.device)
    untested = [part for part in parts_of(spec) if part.id not in answers]
    if untested and count >= WORTH_TESTING:
        try:
            pixels = read()
        except SegstudioError:  # told when the image's turn comes
            return on_routes(spec, answers)
        with progress_bar("Looking for the fastest way") as show:
            answers |= route_memory.find_routes(
                untested, pixels, options, memory, route_memory.tested_apart, unchecked, show
            )
    return on_routes(spec, answers)


def engine_on(device: str) -> TorchEngine:
    """What gives loaded models; imports torch.

    Raises:
        InputError: if there is no such device.
    """
    from segstudio.models.devices import resolve_device

    with input_errors():
        resolve_device(device)
    return TorchEngine()
