"""What commands that run a model have in common: finding it, its weights, loading it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from segstudio.cli.exit_codes import InputError, input_errors
from segstudio.cli.output import progress_bar, warn
from segstudio.core.prediction import ModelSpec, parts_of
from segstudio.models.registry import get_spec, registry, spec_from_weights
from segstudio.models.weights import download, find_weights
from segstudio.runs.engine import TorchEngine
from segstudio.runs.named_runs import with_named_runs
from segstudio.storage.folders import user_folders


def chosen_spec(
    model: str | None, weights: Path | None, verb: str, choices: Sequence[str] = ()
) -> ModelSpec:
    """The model that the options name.

    Args:
        model: Id of a model or of a named run.
        weights: A file of the user's own, for the model or instead of it.
        verb: What shall be done with it, for the error.
        choices: "NAME=VALUE", what the file of weights does not tell about its network.

    Raises:
        InputError: if nothing is named, or a choice is none.
        SegstudioError: if the model is unknown or the file cannot be used.
    """
    if weights is not None:
        return own_specs([weights], choices, model)[0]
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
        choices: "NAME=VALUE" each, for those files that leave it open.
        arch: A model's id or a family that each must be.

    Raises:
        InputError: if a choice is none, or no file leaves it open.
        SegstudioError: if a file cannot be used.
    """
    answers = dict(map(_choice, choices))
    specs = [spec_from_weights(file, arch) for file in files]
    unused = set(answers)
    for number, (file, spec) in enumerate(zip(files, specs, strict=True)):
        asked = {question.option: question for question in spec.questions}
        own = {name: answer for name, answer in answers.items() if name in asked}
        if len(files) == 1:
            own = answers  # what does not fit is told of with what would
        specs[number] = spec = spec_from_weights(file, arch, own)
        unused -= set(own)
        usual = {name: question.default for name, question in asked.items() if name not in own}
        taken = " ".join(f"{name}={shlex.quote(value)}" for name, value in usual.items())
        if taken:
            warn(f"note: {file.name} does not tell: {taken} (usual; --set NAME=VALUE changes it)")
    if unused:
        raise InputError(f"None of the files of weights leaves {min(unused)!r} open.")
    return specs


def _choice(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not (found and name.strip() and value.strip()):
        raise InputError(f"--set {text!r} is no choice.", "Say --set NAME=VALUE.")
    return name.strip(), value.strip()


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


def engine_on(device: str) -> TorchEngine:
    """What gives loaded models; imports torch.

    Raises:
        InputError: if there is no such device.
    """
    from segstudio.models.devices import resolve_device

    with input_errors():
        resolve_device(device)
    return TorchEngine()
