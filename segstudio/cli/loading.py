"""What commands that run a model have in common: finding it, its weights, loading it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from segstudio.cli.exit_codes import InputError, input_errors
from segstudio.cli.output import progress_bar, warn
from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, RunOptions, parts_of
from segstudio.core.progress import no_check
from segstudio.models.registry import get_spec, registry, spec_from_weights
from segstudio.models.weights import download, find_weights
from segstudio.runs import route_memory
from segstudio.runs.describing import with_channels
from segstudio.runs.engine import TorchEngine
from segstudio.runs.kept_weights import (
    KeptWeights,
    known_file,
    own_weights_file,
    read_kept,
    with_kept,
)
from segstudio.runs.named_runs import with_named_runs
from segstudio.runs.route_memory import WORTH_TESTING, RouteMemory, on_routes
from segstudio.storage.decode import LoadedImage
from segstudio.storage.folders import user_folders
from segstudio.storage.settings import load_settings


def chosen_spec(
    model: str | None, weights: Path | None, verb: str, choices: Sequence[str] = ()
) -> ModelSpec:
    """The model that the options name.

    Args:
        model: Id of a model or of a named run, or a file of the user's own.
        weights: A file of the user's own, for the model or instead of it.
        verb: What shall be done with it, for the error.
        choices: "NAME=VALUE", what the file of weights does not tell about its network.

    Raises:
        InputError: if nothing is named, or a choice is none.
        SegstudioError: if the model is unknown or the file cannot be used.
    """
    if weights is not None:
        return own_specs([weights], choices, model)[0]
    if model is not None and model not in known_models() and Path(model).is_file():
        return own_specs([Path(model)], choices)[0]
    if choices:
        raise InputError("--set is for a file of weights.", "Give it with --weights.")
    if model is None:
        raise InputError(f"Say which model to {verb} with --model.", "segstudio models lists them.")
    return models_with([model]).get(model) or get_spec(model)


def own_specs(
    files: Sequence[Path], choices: Sequence[str], arch: str | None = None
) -> list[ModelSpec]:
    """The models in files of the user's own; tells what was taken for what they leave open.

    Args:
        files: With weights.
        choices: "NAME=VALUE" each, for those files that leave it open; "channels=4,3,2" for all.
        arch: A model's id or a family that each must be.

    Raises:
        InputError: if a choice is none, or no file leaves it open.
        SegstudioError: if a file cannot be used.
    """
    answers = dict(map(_choice, choices))
    channels = answers.pop("channels", "")
    kept = _kept()
    known = [None if arch else known_file(file, kept) for file in files]
    _refuse_own(arch, kept)
    unused, specs = set(answers), []
    for file, said in zip(files, known, strict=True):
        if said is not None and not answers:
            specs.append(with_channels(said, channels) if channels else said)
            continue
        spec = spec_from_weights(file, arch)
        asked = {question.option: question for question in spec.questions}
        own = {name: answer for name, answer in answers.items() if name in asked}
        if len(files) == 1:
            own = answers  # what does not fit is told of with what would
        spec = spec_from_weights(file, arch, own)
        unused -= set(own)
        if said is not None:
            spec = replace(said, options={**said.options, **{k: spec.options[k] for k in own}})
        specs.append(with_channels(spec, channels) if channels else spec)
        usual = {name: question.default for name, question in asked.items() if name not in own}
        taken = " ".join(f"{name}={shlex.quote(value)}" for name, value in usual.items())
        if taken and said is None:
            warn(f"note: {file.name} does not tell: {taken} (usual; --set NAME=VALUE changes it)")
    if unused:
        raise InputError(f"None of the files of weights leaves {min(unused)!r} open.")
    return specs


def _refuse_own(arch: str | None, kept: Sequence[KeptWeights]) -> None:
    """A file in the user's list is a model already; no other file takes its place."""
    own = next((entry for entry in kept if entry.spec.id == arch), None)
    if own is not None and arch not in registry():
        raise InputError(
            f"{arch} is a file of your own already: {own.path}.",
            "Give --model or --weights, not both.",
        )


def _choice(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not (found and name.strip() and value.strip()):
        raise InputError(f"--set {text!r} is no choice.", "Say --set NAME=VALUE.")
    return name.strip(), value.strip()


def models_with(names: Iterable[str]) -> Mapping[str, ModelSpec]:
    """All models by id, the user's own too; named runs if one of the names may be one of them."""
    known = known_models()
    if all(name in known or Path(name).is_file() for name in names):
        return known
    return with_named_runs(known, user_folders().config / "runs.json", TorchEngine(), warn)


def known_models() -> dict[str, ModelSpec]:
    """All models by id, and after them the weights of the user's own that were opened before."""
    return with_kept(registry(), _kept())


def _kept() -> list[KeptWeights]:
    """Those that run on a folder; networks that answer points are the window's."""
    kept = read_kept(own_weights_file(user_folders()), warn)
    return [entry for entry in kept if entry.spec.task != "promptable"]


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
    spec: ModelSpec, count: int, read: Callable[[], LoadedImage], options: RunOptions
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
    if not load_settings(folders.config / "settings.json", warn).fast_routes:
        return spec
    memory = RouteMemory(folders.cache / "routes.json")
    answers = memory.find([spec], options.device)
    untested = [part for part in parts_of(spec) if part.id not in answers]
    if untested and count >= WORTH_TESTING:
        try:
            image = read()
        except SegstudioError:  # told when the image's turn comes
            return on_routes(spec, answers)
        with progress_bar("Looking for the fastest way") as show:
            answers |= route_memory.find_routes(
                untested,
                image.given_to,
                options,
                memory,
                route_memory.tested_apart,
                no_check,
                show,
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
