"""Networks of the package transformers: built from a configuration, filled from a file of weights.

Classes are named one by one: nothing that a folder brings is ever run, and nothing is downloaded.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError, one_line
from segstudio.core.prediction import ModelSpec
from segstudio.core.text import listed
from segstudio.models.checkpoints import far_too_few, load_state, read_tensors
from segstudio.models.families import Found, Shapes
from segstudio.models.hub_folder import (
    ARCHITECTURES,
    CONFIG,
    folder_of,
    parts_of_index,
    require_transformers,
)
from segstudio.models.naming import variants
from segstudio.models.published import IMAGENET_MEAN, IMAGENET_STD
from segstudio.models.universal import UniversalNet

SEGFORMER_SIGNS: Final = ("decode_head.linear_fuse.weight", "decode_head.classifier.weight")
_NEVER: Final = -1e4
"""The logit of a class that is none of the network's: finite, since it is blended and resampled."""
_MASK2FORMER_HW: Final = (384, 384)
_FOREIGN: Final = ("auto_map", "_name_or_path", "architectures", "dtype", "torch_dtype")
"""Entries of config.json that say nothing about how the network is built."""
_UNUSED: Final = ("model.text_mapper.", "position_ids", "num_batches_tracked")
"""Tensors of training, or of older versions, that a network need not have."""
_NAMED: Final = 3
_SHOWN: Final = 160
_UNBUILDABLE: Final = (
    ValueError, TypeError, KeyError, AttributeError, IndexError, RuntimeError, AssertionError,
    ZeroDivisionError,
)  # fmt: skip
"""What transformers raises for a configuration that makes no sense."""
_SEGFORMER_WIDTHS: Final[Mapping[tuple[int, ...], tuple[int, ...]]] = {
    (32, 64, 160, 256): (1, 2, 5, 8),
    (64, 128, 320, 512): (1, 2, 5, 8),
}
"""Heads by the widths of the stages: tensors do not tell them."""
_SEGFORMER_NAMES: Final[Mapping[tuple[int, ...], str]] = {
    (2, 2, 2, 2): "b1", (3, 4, 6, 3): "b2", (3, 4, 18, 3): "b3", (3, 8, 27, 3): "b4",
    (3, 6, 40, 3): "b5",
}  # fmt: skip
_VOCABULARIES: Final = (("tokenizer.json",), ("vocab.json", "merges.txt"))
"""The files that hold CLIP's vocabulary, as transformers writes them and as it did."""
_LAYERS: Final = re.compile("layers|depths|blocks")
"""In the names of entries that say how many layers there are."""


class SemanticNet(nn.Module):
    """One of transformers' semantic networks, called with images alone: (N, C, h, w) logits.

    Its maps are as small as the network makes them.
    """

    def __init__(self, inner: nn.Module, *, shifted: bool) -> None:
        """Args:
        inner: The network.
        shifted: Whether its class c is class c + 1 of the data; 0 then never wins.
        """
        super().__init__()
        self.inner = inner
        self._shifted = shifted

    def forward(self, images: Tensor) -> Tensor:
        """Logits of images (N, 3, H, W)."""
        logits: Tensor = self.inner(pixel_values=images).logits
        if not self._shifted:
            return logits
        return torch.cat([torch.full_like(logits[:, :1], _NEVER), logits], 1)


def semantic_network(
    architecture: str, config: Mapping[str, Any], *, shifted: bool = False
) -> SemanticNet:
    """Build a semantic network without weights.

    Args:
        architecture: A key of `hub_folder.ARCHITECTURES`.
        config: What config.json holds.
        shifted: See `SemanticNet`.

    Raises:
        SegstudioError: if transformers is not installed, or cannot build it.
    """
    made = _class(architecture)(_configuration(ARCHITECTURES[architecture].config, config))
    return SemanticNet(made, shifted=shifted)


def universal_network(
    architecture: str, config: Mapping[str, Any], *, shifted: bool = True
) -> UniversalNet:
    """Build a network that answers with queries, each a mask and a class; see `semantic_network`."""
    made = _class(architecture)(_configuration(ARCHITECTURES[architecture].config, config))
    return _universal(architecture, made)


def _universal(architecture: str, made: Any) -> UniversalNet:
    told = architecture.startswith("OneFormer")
    words = torch.zeros(int(made.config.task_seq_len)) if told else None
    return UniversalNet(
        made,
        mask_hw=_MASK2FORMER_HW if architecture.startswith("Mask2Former") else None,
        scored_masks=words is None,
        task_words=words,
    )


def filled_network(spec: ModelSpec, path: Path) -> nn.Module:
    """Build the network of a spec with its weights, renamed as transformers renames old files.

    Args:
        spec: Its options are those of the builders here.
        path: Of the weights, or of their index.

    Raises:
        SegstudioError: unless the file has every tensor of the network, with its shape, and
            nothing else.
    """
    architecture = str(spec.options["architecture"])
    if architecture not in ARCHITECTURES:
        raise SegstudioError(f"{path} is of an architecture that is not known: {architecture}.")
    row = ARCHITECTURES[architecture]
    inner = filled(architecture, row.config, spec.options["config"], path)
    if not ARCHITECTURES[architecture].universal:
        return SemanticNet(inner, shifted=bool(spec.options.get("shifted", False)))
    network = _universal(architecture, inner)
    if isinstance(network.task_words, Tensor):
        network.task_words = _task_words(path.parent, spec.task, len(network.task_words))
    return network


def filled(
    name: str,
    config_name: str,
    config: Mapping[str, Any],
    path: Path,
    spare: tuple[str, ...] = (),
    *,
    state: dict[str, Tensor] | None = None,
) -> Any:
    """One of transformers' networks with the weights of a file.

    Args:
        name: Of its class.
        config_name: Of its configuration's class.
        config: What config.json holds.
        path: Of the weights, or of their index.
        spare: Begins of the names of tensors in the file that it does not need.
        state: The tensors under the names of transformers; those in the file if not given.

    Raises:
        SegstudioError: if the network cannot be built, or unless the file has every tensor of it,
            with its shape, and nothing else.
    """
    state = _state(path) if state is None else state
    kind = _transformers(name)
    _check_depth(config, len(state), path)
    made = _buildable(kind, config_name, config, state, path)
    inner, info = kind.from_pretrained(
        None,
        config=made,
        state_dict=state,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        local_files_only=True,
        dtype=torch.float32,
    )
    unknown = {each for each in info["unexpected_keys"] if not each.startswith(spare)}
    _require_all({**info, "unexpected_keys": unknown}, len(inner.state_dict()), path)
    return inner


def _check_depth(config: Mapping[str, Any], tensors: int, path: Path) -> None:
    """Refuse more layers than there are tensors, before they are planned one by one."""
    counts = [*_layer_counts(config)]
    if max(counts, default=0) > tensors:
        raise SegstudioError(
            f"{path} holds {tensors:,} tensors, but its config.json describes far more layers.",
            "The configuration beside the weights is that of another network.",
        )


def _layer_counts(config: Any) -> Iterator[int]:
    """The numbers of layers in a configuration and in those inside it."""
    if not isinstance(config, Mapping):
        return
    for name, value in config.items():
        yield from _layer_counts(value)
        if _LAYERS.search(str(name)):
            values = value if isinstance(value, list) else [value]
            yield sum(each for each in values if isinstance(each, int))


def _buildable(
    kind: Any, name: str, config: Mapping[str, Any], state: Mapping[str, Tensor], path: Path
) -> Any:
    """The configuration, if a network comes of it; it is built without memory.

    Raises:
        SegstudioError: if none does, or a far larger one than there are weights for.
    """
    where = path.parent / CONFIG
    try:
        made = _configuration(name, config)
        few = far_too_few(state, lambda: kind(made))
    except ImportError as error:
        raise SegstudioError(
            f"The network of {where} needs a package that is not installed: {_in_a_line(error)}",
            "Install that package, or choose a network with another backbone.",
        ) from error
    except _UNBUILDABLE as error:
        raise SegstudioError(
            f"The network of {where} cannot be built: {_in_a_line(error)}",
            "Copy the folder again, or choose another network.",
        ) from error
    if few is not None:
        raise SegstudioError(
            f"{path} holds {few[0]:,} numbers, but its config.json describes {few[1]:,}.",
            "The configuration beside the weights is that of another network.",
        )
    return made


def _in_a_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _state(path: Path) -> dict[str, Tensor]:
    """The tensors under the names of transformers."""
    if folder_of(path) is None:
        state = load_state(path)
        named = (found for found in variants(state) if all(s in found for s in SEGFORMER_SIGNS))
        return next(named, state)
    files = parts_of_index(path) if path.suffix == ".json" else [path]
    return {name: tensor for file in files for name, tensor in read_tensors(file).items()}


def _require_all(info: Mapping[str, Any], count: int, path: Path) -> None:
    wrong = [f"{name} {tuple(given)}" for name, given, *_ in sorted(info["mismatched_keys"])]
    missing = sorted(info["missing_keys"])
    unknown = [k for k in sorted(info["unexpected_keys"]) if not any(u in k for u in _UNUSED)]
    if not (wrong or missing or unknown):
        return
    found = {"missing": missing, "unexpected": unknown, "of another shape": wrong}
    words = "; ".join(
        f"{len(names)} {what} ({listed(names, _NAMED)})" for what, names in found.items() if names
    )
    fitting = count - len(missing) - len(wrong)
    raise SegstudioError(
        f"{path} does not fit the network: {fitting} of {count} tensors match; {words}.",
        "The configuration beside the weights is that of another network.",
    )


def _task_words(folder: Path, task: str, length: int) -> Tensor:
    """The sentence that tells OneFormer what is asked of it, in numbers of its vocabulary.

    It is filled up with 0, as `OneFormerProcessor` does, and not with the word that ends it.
    """
    try:
        if not any(all((folder / name).is_file() for name in each) for each in _VOCABULARIES):
            raise FileNotFoundError("there is no such file")  # transformers makes up an empty one
        tokenizer = _transformers("CLIPTokenizer").from_pretrained(folder, local_files_only=True)
        words = tokenizer(
            f"the task is {task}", padding="max_length", max_length=length, truncation=True
        )
    except Exception as error:
        raise SegstudioError(
            f"{folder} has no vocabulary, by which OneFormer is told what to find ({one_line(error)}).",
            "Put tokenizer.json, or vocab.json and merges.txt, beside the weights.",
        ) from error
    numbers = torch.tensor(words["input_ids"], dtype=torch.float32)
    return numbers * torch.tensor(words["attention_mask"], dtype=torch.float32)


def _transformers(name: str) -> Any:
    """One of the package's classes; it is told never to ask the network, before it is imported."""
    require_transformers("This network is one of Hugging Face's")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    transformers = importlib.import_module("transformers")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return getattr(transformers, name)


def _class(architecture: str) -> Any:
    if architecture not in ARCHITECTURES:
        raise ValueError(f"{architecture!r} is no architecture that is known here")
    return _transformers(architecture)


def _configuration(name: str, config: Mapping[str, Any]) -> Any:
    own = {k: v for k, v in config.items() if k not in _FOREIGN}
    if own.get("use_pretrained_backbone"):
        own["use_pretrained_backbone"] = False
    return _transformers(name).from_dict(own)


def recognise_segformer(shapes: Shapes, where: str) -> Found | None:
    """Tell a SegFormer from the names and shapes of its state dict, old names or new.

    Raises:
        SegstudioError: if it is none of b0 to b5: the number of heads is not in the tensors.
    """
    named = _old_names(shapes)
    widths = tuple(
        named.get(f"segformer.encoder.patch_embeddings.{i}.proj.weight", (0,))[0] for i in range(4)
    )
    if widths not in _SEGFORMER_WIDTHS:
        raise SegstudioError(
            f"{where} is a SegFormer with stages of {', '.join(map(str, widths))} channels, "
            "so that its number of heads cannot be told.",
            "Put it into a folder with its config.json as model.safetensors, and open that.",
        )
    block = "segformer.encoder.block.{}.{}."
    depths = []
    for stage in range(4):
        begins = {
            k.split(".")[4] for k in named if k.startswith(f"segformer.encoder.block.{stage}.")
        }
        depths.append(len(begins))
    first = [block.format(stage, 0) for stage in range(4)]
    classes = named["decode_head.classifier.weight"][0]
    config = {
        "model_type": "segformer",
        "num_channels": named["segformer.encoder.patch_embeddings.0.proj.weight"][1],
        "hidden_sizes": list(widths),
        "depths": depths,
        "num_attention_heads": list(_SEGFORMER_WIDTHS[widths]),
        "sr_ratios": [named.get(f"{b}attention.self.sr.weight", (0, 0, 1))[2] for b in first],
        "mlp_ratios": [
            named[f"{b}mlp.dense1.weight"][0] // width
            for b, width in zip(first, widths, strict=True)
        ],
        "decoder_hidden_size": named["decode_head.linear_fuse.weight"][0],
        "num_labels": classes,
    }
    size = "b0" if widths[0] == 32 else _SEGFORMER_NAMES.get(tuple(depths), "")
    return Found(
        f"SegFormer {size}".strip(),
        {"architecture": "SegformerForSemanticSegmentation", "config": config},
        {"scaling": "unit", "mean": IMAGENET_MEAN, "std": IMAGENET_STD, "size": [512, 512]},
        classes,
    )


def _old_names(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """The shapes under the names that SegFormer's tensors had before version 5 of transformers."""
    return {_old_name(name): shape for name, shape in shapes.items()}


def _old_name(name: str) -> str:
    parts = name.split(".")
    if parts[:2] != ["segformer", "stages"] or len(parts) < 5:
        return name
    stage, rest = parts[2], parts[3:]
    if rest[0] == "patch_embeddings":
        return ".".join(["segformer.encoder.patch_embeddings", stage, *rest[1:]])
    if rest[0] != "blocks":
        return name
    inner = ".".join(rest[2:])
    for new, old in _RENAMED.items():
        inner = inner.replace(new, old)
    return f"segformer.encoder.block.{stage}.{rest[1]}.{inner}"


_RENAMED: Final = {
    "mlp.fc1.": "mlp.dense1.",
    "attention.sequence_reduction.sequence_reduction.": "attention.self.sr.",
}
