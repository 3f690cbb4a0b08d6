"""Files of SAM and SAM 2: folders of Hugging Face, and the files that their authors publish.

Those have the network's older names (`image_encoder.blocks.0.norm1.weight`) and no configuration;
names and shapes tell it. Nothing here imports transformers, and torch only for pickled files.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.models.hub_folder import PROMPTABLE, HubFolder, folder_of, require_transformers
from segstudio.models.naming import without_prefixes
from segstudio.models.published import PROMPT_SCHEMA
from segstudio.models.registry import is_safetensors, read_header

T = TypeVar("T")
Shapes = Mapping[str, tuple[int, ...]]

BUILDER: Final = "segstudio.models.promptable:Promptable"
_ENCODER: Final = "image_encoder."
_SIGNS: Final = {
    "image_encoder.patch_embed.proj.weight": "SamModel",
    "image_encoder.trunk.patch_embed.proj.weight": "Sam2Model",
}
"""A tensor that only this network's published files have, by the network."""
_GAUSSIAN: Final = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"

_BOTH: Final = (
    (r"^sam_(mask_decoder|prompt_encoder)\.", r"\1."),
    (r"(output_hypernetworks_mlps\.\d+|iou_prediction_head|pred_obj_score_head)\.layers\.0\.",
     r"\1.proj_in."),
    (r"(output_hypernetworks_mlps\.\d+|iou_prediction_head|pred_obj_score_head)\.layers\.1\.",
     r"\1.layers.0."),
    (r"(output_hypernetworks_mlps\.\d+|iou_prediction_head|pred_obj_score_head)\.layers\.2\.",
     r"\1.proj_out."),
    (r"output_upscaling\.0\.", "upscale_conv1."),
    (r"output_upscaling\.1\.", "upscale_layer_norm."),
    (r"output_upscaling\.3\.", "upscale_conv2."),
    (r"mask_downscaling\.0\.", "mask_embed.conv1."),
    (r"mask_downscaling\.1\.", "mask_embed.layer_norm1."),
    (r"mask_downscaling\.3\.", "mask_embed.conv2."),
    (r"mask_downscaling\.4\.", "mask_embed.layer_norm2."),
    (r"mask_downscaling\.6\.", "mask_embed.conv3."),
    (r"pe_layer\.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
    (r"point_embeddings\.", "point_embed."),
    (r"patch_embed\.proj\.", "patch_embed.projection."),
    (r"\.norm(\d|_final_attn)\.", r".layer_norm\1."),
)  # fmt: skip
_RENAMED: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "SamModel": (
        *_BOTH,
        (r"^image_encoder\.neck\.0\.", "image_encoder.neck.conv1."),
        (r"^image_encoder\.neck\.1\.", "image_encoder.neck.layer_norm1."),
        (r"^image_encoder\.neck\.2\.", "image_encoder.neck.conv2."),
        (r"^image_encoder\.neck\.3\.", "image_encoder.neck.layer_norm2."),
        (r"^image_encoder\.blocks\.", "image_encoder.layers."),
        (r"^image_encoder\.", "vision_encoder."),
    ),
    "Sam2Model": (
        *_BOTH,
        (r"\.mlp\.layers\.0\.", ".mlp.proj_in."),
        (r"\.mlp\.layers\.1\.", ".mlp.proj_out."),
        (r"(attn\w*)\.out_proj\.", r"\1.o_proj."),
        (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
        (r"^image_encoder\.neck\.convs\.(\d+)\.conv\.", r"vision_encoder.neck.convs.\1."),
        (r"^no_mem_embed$", "no_memory_embedding"),
    ),
}
"""How the names of published files become those of transformers, in this order."""
_VIDEO: Final = (
    "memory_", "maskmem_", "no_mem_pos_enc", "no_obj_", "obj_ptr_", "mask_downsample",
    "pixel_mean", "pixel_std",
)  # fmt: skip
"""Begins of the names of what a single image does not need."""


@dataclass(frozen=True)
class _Hiera:
    """What the tensors of a SAM 2 do not tell."""

    size: str
    heads: int
    windows: tuple[int, int, int, int]
    everywhere: tuple[int, ...]


_HIERAS: Final[Mapping[tuple[int, ...], _Hiera]] = {
    (1, 2, 7, 2): _Hiera("tiny", 1, (8, 4, 14, 7), (5, 7, 9)),
    (1, 2, 11, 2): _Hiera("small", 1, (8, 4, 14, 7), (7, 10, 13)),
    (2, 3, 16, 3): _Hiera("base plus", 2, (8, 4, 14, 7), (12, 16, 20)),
    (2, 6, 36, 4): _Hiera("large", 2, (8, 4, 16, 8), (23, 33, 43)),
}
"""The published sizes, by the blocks of their stages."""


@dataclass(frozen=True)
class PromptableFile:
    """A network that answers clicks, as a file or a folder has it.

    Attributes:
        title: Its name for people.
        architecture: Key of `hub_folder.PROMPTABLE`.
        config: What its config.json holds, or would hold.
        weights: The file with its tensors, or the index of several.
        normalisation: Mean and standard deviation of the channels.
        published: Whether its tensors have the names that the authors' files have.
    """

    title: str
    architecture: str
    config: Mapping[str, Any]
    weights: Path
    normalisation: Mapping[str, Any]
    published: bool = False


def read_promptable(path: Path) -> PromptableFile | None:
    """Tell what network that answers clicks is in a file or a folder; None if it is another one.

    Raises:
        SegstudioError: if it is one that cannot be opened, or is damaged.
    """
    folder = folder_of(path)
    if folder is not None:
        found = HubFolder.read(folder)
        if found.architecture not in PROMPTABLE:
            return None
        title = "SAM" if found.architecture == "SamModel" else "SAM 2.1"
        return PromptableFile(
            title, found.architecture, found.config, found.weights, found.normalisation
        )
    if path.is_dir() or not path.exists():
        return None
    shapes = _shapes(path)
    name = next((name for sign, name in _SIGNS.items() if sign in shapes), "")
    if not name:
        return None
    title, config = (_sam_config if name == "SamModel" else _sam2_config)(shapes, path)
    return PromptableFile(title, name, config, path, {}, published=True)


def promptable_spec(path: Path) -> ModelSpec | None:
    """Describe such a network for the list of weights; None if it is another one.

    Raises:
        SegstudioError: if it cannot be opened, is damaged, or transformers is not installed.
    """
    path = path.expanduser().resolve()
    found = read_promptable(path)
    if found is None:
        return None
    require_transformers(f"{path} holds a {found.title}")
    place = found.weights if found.published else found.weights.parent
    name = place.name
    return ModelSpec(
        id=place.stem if found.published else name,
        title=f"{found.title} ({name})",
        family="sam",
        task="promptable",
        schema=PROMPT_SCHEMA,
        builder=BUILDER,
        weights=WeightsFile(str(found.weights), size=found.weights.stat().st_size),
        description="Answers points and boxes on an image with the object that is there.",
    )


def renamed(architecture: str, state: Mapping[str, T]) -> dict[str, T]:
    """What is in a published file, under the names of transformers, without video's memory.

    The four kinds of points stay apart; `promptable` joins them where the network has one table.

    Args:
        architecture: "SamModel" or "Sam2Model".
        state: By the names in the file.
    """
    found = {}
    for name, value in state.items():
        if name.startswith(_VIDEO):
            continue
        for pattern, new in _RENAMED[architecture]:
            name = re.sub(pattern, new, name)
        found[name] = value
    shared = "shared_embedding.positional_embedding"
    if f"prompt_encoder.{shared}" in found:
        found["shared_image_embedding.positional_embedding"] = found[f"prompt_encoder.{shared}"]
    return found


def _shapes(path: Path) -> Shapes:
    if is_safetensors(path):
        header = {k: v for k, v in read_header(path).items() if k != "__metadata__"}
        return without_prefixes(
            {k: tuple(v.get("shape", ())) for k, v in header.items() if isinstance(v, dict)}
        )
    from segstudio.models.checkpoints import load_state  # torch: only when a file is opened

    try:
        return {k: tuple(v.shape) for k, v in load_state(path).items()}
    except SegstudioError:
        return {}  # whoever reads it as another network says what is wrong with it


def _sam_config(shapes: Shapes, path: Path) -> tuple[str, dict[str, Any]]:
    begin = f"{_ENCODER}blocks."
    hidden, _, patch, _ = shapes[f"{_ENCODER}patch_embed.proj.weight"]
    depth = _count(shapes, begin)
    reach = [shapes.get(f"{begin}{i}.attn.rel_pos_h", (0, 0)) for i in range(depth)]
    grid = shapes.get(f"{_ENCODER}pos_embed", (0, 0, 0, 0))[1]
    if not depth or not grid or not reach[0][1]:
        raise _unlike(path, "SAM")
    windows = [each[0] for each in reach if each[0] != 2 * grid - 1]
    output, features = shapes[f"{_ENCODER}neck.0.weight"][0], shapes[_GAUSSIAN][1]
    side = grid * patch
    vision = {
        "hidden_size": hidden,
        "output_channels": output,
        "num_hidden_layers": depth,
        "num_attention_heads": hidden // reach[0][1],
        "image_size": side,
        "patch_size": patch,
        "window_size": (windows[0] + 1) // 2 if windows else 14,
        "global_attn_indexes": [i for i, each in enumerate(reach) if each[0] == 2 * grid - 1],
        "num_pos_feats": features,
        "mlp_dim": shapes[f"{begin}0.mlp.lin1.weight"][0],
    }
    mlp = shapes["mask_decoder.transformer.layers.0.mlp.lin1.weight"][0]
    sizes = {768: "ViT-B", 1024: "ViT-L", 1280: "ViT-H"}
    return f"SAM {sizes.get(hidden, '')}".strip(), {
        "vision_config": vision,
        **_shared_config(shapes, side, patch, mlp),
    }


def _sam2_config(shapes: Shapes, path: Path) -> tuple[str, dict[str, Any]]:
    trunk = f"{_ENCODER}trunk."
    depth = _count(shapes, f"{trunk}blocks.")
    starts = [0, *(i for i in range(depth) if f"{trunk}blocks.{i}.proj.weight" in shapes), depth]
    stages = tuple(end - start for start, end in itertools.pairwise(starts))
    known = _HIERAS.get(stages)
    if known is None:
        raise _unlike(path, "SAM 2")
    widths = [shapes[f"{trunk}blocks.{end - 1}.norm2.weight"][0] for end in starts[1:]]
    hidden = widths[0]
    fpn = shapes[f"{_ENCODER}neck.convs.0.conv.weight"][0]
    side, patch = 1024, 16
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": hidden,
        "image_size": [side, side],
        "blocks_per_stage": list(stages),
        "embed_dim_per_stage": widths,
        "num_attention_heads": known.heads,
        "num_attention_heads_per_stage": [known.heads << i for i in range(4)],
        "window_size_per_stage": list(known.windows),
        "global_attention_blocks": list(known.everywhere),
        "window_positional_embedding_background_size": list(shapes[f"{trunk}pos_embed"][-2:]),
    }
    vision = {
        "model_type": "sam2_vision_model",
        "backbone_config": backbone,
        "backbone_channel_list": widths[::-1],
        "backbone_feature_sizes": [[side // 4] * 2, [side // 8] * 2, [side // 16] * 2],
        "fpn_hidden_size": fpn,
    }
    version = "2.1" if "no_obj_embed_spatial" in shapes else "2"
    mlp = shapes["sam_mask_decoder.transformer.layers.0.mlp.layers.0.weight"][0]
    inner = {k.removeprefix("sam_"): v for k, v in shapes.items()}
    return f"SAM {version} Hiera {known.size}", {
        "vision_config": vision,
        **_shared_config(inner, side, patch, mlp),
    }


def _shared_config(shapes: Shapes, side: int, patch: int, mlp: int) -> dict[str, Any]:
    """Of the prompt encoder and of the decoder."""
    hidden = shapes["mask_decoder.iou_token.weight"][1]
    masks = shapes["prompt_encoder.mask_downscaling.3.weight"][0]
    return {
        "prompt_encoder_config": {
            "hidden_size": hidden,
            "image_size": side,
            "patch_size": patch,
            "mask_input_channels": masks,
        },
        "mask_decoder_config": {
            "hidden_size": hidden,
            "mlp_dim": mlp,
            "iou_head_hidden_dim": shapes["mask_decoder.iou_prediction_head.layers.0.weight"][0],
        },
    }


def _count(shapes: Shapes, begin: str) -> int:
    """How many blocks there are whose names begin so."""
    return len(
        {name.removeprefix(begin).split(".")[0] for name in shapes if name.startswith(begin)}
    )


def _unlike(path: Path, title: str) -> SegstudioError:
    return SegstudioError(
        f"{path} is a {title} of a size that is not known.",
        "Put it into a folder with its config.json as model.safetensors, and open that.",
    )
