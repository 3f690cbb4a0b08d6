"""What a report says of its models and its folder: weights, settings, classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Final

from segstudio.core.class_mapping import ClassMapping, targets_of
from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import bytes_text
from segstudio.core.prediction import (
    ENSEMBLE_METHODS,
    Ensemble,
    ModelSpec,
    RunOptions,
    Variant,
    parts_of,
    route_names,
)
from segstudio.core.route_answer import route_title
from segstudio.core.schema import LabelSchema
from segstudio.evaluation.conditions import Conditions, Contender, References
from segstudio.metrics.image_figures import MEASURES
from segstudio.report.software import settings_text
from segstudio.storage.image_ref import ImageRef

_DEFAULTS: Final = RunOptions()
_OPTION_NAMES: Final = {
    "input_scale": "input size",
    "flips": "averaged over mirror images",
    "scales": "averaged over input sizes",
    "tile_px": "tiles of",
    "overlap_px": "tiles overlap by",
}


def facts_of(
    contender: Contender, references: References, example: ImageRef, check: Callable[[], None]
) -> dict[str, object]:
    """What a model is and how it ran, by name.

    Args:
        contender: The model.
        references: The folder.
        example: An image that it was run on: tells the device.
        check: Called while weights are read; what it raises stops the work.
    """
    spec = contender.spec
    parts = parts_of(spec)
    facts: dict[str, object] = {
        "Task": f"{spec.task} segmentation",
        "Made of": _made_of(spec),
        "Weights": "; ".join(_weights(part, check) for part in parts),
        "Licence of the weights": "; ".join(dict.fromkeys(p.licence for p in parts if p.licence)),
        "About the model": spec.description,
        "Preprocessing": settings_text(spec.preprocess),
        "Output": "; ".join(dict.fromkeys(p.output.text for p in parts if p.task == "semantic")),
        "Run with": run_options_text(spec, contender.options),
    }
    facts["Route"] = ", ".join(map(route_title, route_names(spec)))
    seen = references.files.predictions.load(example.path, contender.run)
    if seen is not None:
        facts["Ran on"] = seen.device
    return {name: value for name, value in facts.items() if value}


def reference_text(conditions: Conditions, references: References) -> str:
    """What the images are measured against, for people."""
    truth = references.files.project.truth
    if conditions.originals and truth is not None:
        return "the originals of the ground truth, without corrections"
    if references.saved:
        saved = "annotations saved with segstudio"
        return saved if truth is None else f"{saved}, else the ground truth in the folder"
    if truth is None:
        return "nothing"
    return f"the masks in {', '.join(map(str, truth.folders))}"


def settings_of(conditions: Conditions, references: References) -> dict[str, object]:
    """What holds for all models, by name."""
    truth = references.files.project.truth
    return {
        "Held against": reference_text(conditions, references),
        **({} if truth is None else {"Values of the ground truth": truth.in_words}),
        **{
            m.name: "measured" if m.key in conditions.asked else "not measured"
            for m in MEASURES
            if m.choice
        },
    }


def class_mapping(model: LabelSchema, folder: LabelSchema) -> tuple[tuple[str, str], ...]:
    """(class of the model, what it is held against); nothing if the classes are the same."""
    targets, _ = targets_of(model, folder)
    mapping = ClassMapping.between(model, folder)
    lost = _fate(mapping, folder)
    rows = []
    for entry in model.classes:
        target = targets.get(entry.id, entry.id)
        rows.append((entry.name, lost if target is None else folder.name_of(target)))
    if all(mine == theirs for mine, theirs in rows) and mapping.is_identity:
        return ()
    return tuple(rows)


def notes_of(model: LabelSchema, folder: LabelSchema) -> tuple[str, ...]:
    """What the reader should know of a model's classes."""
    note = ClassMapping.between(model, folder).note
    return (note,) if note else ()


def run_options_text(spec: ModelSpec, options: RunOptions) -> str:
    """How a model ran: what differs from the usual, and the thresholds of objects."""
    values: dict[str, object] = {
        _OPTION_NAMES[name]: getattr(options, name)
        for name in (f.name for f in fields(options))
        if name in _OPTION_NAMES and getattr(options, name) != getattr(_DEFAULTS, name)
    }
    if spec.finds_objects:
        values["score threshold"] = options.score_threshold
        values["mask threshold"] = options.mask_threshold
    return settings_text(values) if values else "the usual options"


def _fate(mapping: ClassMapping, folder: LabelSchema) -> str:
    """What becomes of a class that the folder does not have."""
    if mapping.left_out is not None:
        return "left out, counts nowhere"
    background = folder.background_id
    return "none of the classes" if background is None else folder.name_of(background)


def _made_of(spec: ModelSpec) -> str:
    made_of = spec.made_of
    if isinstance(made_of, Variant):
        return f"{made_of.base.title} run in another way"
    if isinstance(made_of, Ensemble):
        titles = ", ".join(member.title for member in made_of.members)
        return f"{titles}: {ENSEMBLE_METHODS[made_of.method]}"
    return ""


def _weights(spec: ModelSpec, check: Callable[[], None]) -> str:
    """A file's name, size and SHA-256."""
    from segstudio.models.download import sha256_of
    from segstudio.models.weights import find_weights

    path = find_weights(spec)
    if path is None:
        return spec.weights.filename if spec.weights is not None else "none"
    try:
        return f"{path.name}, {bytes_text(path.stat().st_size)}, SHA-256 {sha256_of(path, check)}"
    except OSError as error:
        raise SegstudioError(f"{path} cannot be read: {error.strerror or error}.") from error
