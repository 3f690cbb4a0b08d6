"""The network that a training begins with: made anew, or taken from a model and fitted to the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError, one_line
from segstudio.core.prediction import ModelSpec, Output
from segstudio.core.schema import LabelSchema
from segstudio.models.families import imported
from segstudio.models.families.huggingface import SemanticNet
from segstudio.models.segmenter import Segmenter
from segstudio.models.weights import require_weights
from segstudio.training.plan import StartModel, TrainingPlan

_NOT_TRAINED: Final = ("torchscript", "onnx", "mask2former", "maskrcnn")
_CLASS_OPTIONS: Final = ("num_classes", "classes")


@dataclass(frozen=True)
class StartNetwork:
    """A model whose weights are trained further.

    Attributes:
        spec: The model as it is.
        network: Its network, on the CPU in float32.
        row: What the plan needs to know of it.
        output: What the channels of the trained network mean.
        notes: What was changed, in sentences.
    """

    spec: ModelSpec
    network: nn.Module
    row: StartModel
    output: Output = field(default_factory=Output)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, spec: ModelSpec, schema: LabelSchema) -> StartNetwork:
        """Load a model, and give it a new last layer if its classes are not those of the data.

        Args:
            spec: The model; its weights are on this disk.
            schema: The classes of the data.

        Raises:
            SegstudioError: if it cannot be trained, or its weights cannot be read.
        """
        if spec.task != "semantic" or spec.family in _NOT_TRAINED or spec.made_of is not None:
            raise SegstudioError(
                f"{spec.title} cannot be trained further.",
                "Choose a model that gives a class for each pixel, or train from scratch.",
            )
        segmenter = Segmenter(spec, require_weights(spec), "cpu")
        segmenter.load()
        # the loaded one is made to run and not to learn: it has hooks, and no gradients
        state = segmenter.network.state_dict()
        same = _built(spec.builder, spec.options, spec.title)
        same.load_state_dict(state)
        if _same_classes(spec.schema, schema):
            return cls(spec, same, _row(spec, spec.options, replaced=False), spec.output)
        options = _with_classes(spec.options, max(2, schema.num_classes), spec.title)
        fresh = _built(spec.builder, options, spec.title)
        kept, heads = _carried_over(same, fresh, spec.schema, schema)
        note = (
            f"The classes of {spec.title} are others: {heads} tensors of its last layers are made "
            f"anew, {kept} are kept."
        )
        return cls(spec, fresh, _row(spec, options, replaced=True), Output(), (note,))


def built_network(plan: TrainingPlan) -> nn.Module:
    """The network of a plan with random weights, by the plan's seed.

    Raises:
        SegstudioError: if it cannot be built.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        return _built(plan.builder, plan.options, plan.arch or plan.start)


def saved_state(network: nn.Module) -> dict[str, Tensor]:
    """The tensors of a network under the names by which its family reads them."""
    inner = network.inner if isinstance(network, SemanticNet) else network
    return dict(inner.state_dict())


def _row(spec: ModelSpec, options: Mapping[str, Any], *, replaced: bool) -> StartModel:
    return StartModel(
        spec.title, spec.family, spec.builder, options, dict(spec.preprocess), replaced
    )


def _same_classes(model: LabelSchema, data: LabelSchema) -> bool:
    """Whether the channels of a model are the classes of the data, in the same order."""
    if model.ids != data.ids:
        return False
    made_up = LabelSchema.from_ids(data.ids)
    named = [c for c in data.classes if c.name != made_up.name_of(c.id)]
    differ = [c for c in named if model.name_of(c.id).casefold() != c.name.casefold()]
    # of one class and background the object is the object, whatever it is called
    return not differ or len(data.ids) == 2


def _with_classes(options: Mapping[str, Any], count: int, title: str) -> dict[str, Any]:
    """The options of a builder with another number of classes."""
    found = {**options}
    if isinstance(found.get("config"), Mapping):
        config = {k: v for k, v in found["config"].items() if k not in ("id2label", "label2id")}
        return {**found, "config": {**config, "num_labels": count}, "shifted": False}
    for name in _CLASS_OPTIONS:
        if name in found:
            return {**found, name: count}
    raise SegstudioError(
        f"The last layer of {title} cannot be replaced, and its classes are not those of the data.",
        "Choose another start, or train from scratch.",
    )


def _built(builder: str, options: Mapping[str, Any], title: str) -> nn.Module:
    try:
        network: nn.Module = imported(builder)(**options)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise SegstudioError(f"{title} cannot be built: {one_line(error)}.") from error
    return network


def _carried_over(
    old: nn.Module, new: nn.Module, model: LabelSchema, data: LabelSchema
) -> tuple[int, int]:
    """Copy what fits, and of last layers the rows of classes that have the same name.

    Returns:
        How many tensors were kept, and how many made anew.
    """
    known = {c.name.casefold(): c.id for c in model.classes}
    rows = {c.id: known[c.name.casefold()] for c in data.classes if c.name.casefold() in known}
    before, state = old.state_dict(), new.state_dict()
    kept = made = 0
    for name, tensor in state.items():
        found = before.get(name)
        if found is not None and found.shape == tensor.shape:
            tensor.copy_(found)
            kept += 1
            continue
        made += 1
        if found is None or found.shape[1:] != tensor.shape[1:]:
            continue
        for mine, theirs in rows.items():
            if mine < len(tensor) and theirs < len(found):
                tensor[mine] = found[theirs]
    return kept, made
