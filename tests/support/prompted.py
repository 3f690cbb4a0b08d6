"""Small networks that answer clicks, made with transformers, as folders and as published files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
SIDE = 128
DECODER = {"hidden_size": 16, "mlp_dim": 16, "num_attention_heads": 8, "iou_head_hidden_dim": 16}
PROMPTS = {"hidden_size": 16, "image_size": SIDE, "mask_input_channels": 4}


def sam_folder(folder: Path, seed: int = 2) -> tuple[Path, Any]:
    """A folder with a random SAM for 128 x 128 pixels, and its network."""
    import torch
    import transformers as tf

    tf.utils.logging.disable_progress_bar()
    vision = tf.SamVisionConfig(
        hidden_size=16, output_channels=16, num_hidden_layers=2, num_attention_heads=2,
        image_size=SIDE, window_size=4, global_attn_indexes=[1], num_pos_feats=8, mlp_dim=16,
    )  # fmt: skip
    network = tf.SamModel(
        tf.SamConfig(
            vision_config=vision, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER
        )
    )
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 1.5 / parameter[0].numel() ** 0.5)
        shared = network.prompt_encoder.shared_embedding.positional_embedding
        network.shared_image_embedding.positional_embedding.copy_(shared)
    network.eval().save_pretrained(folder)
    processor = tf.SamImageProcessor(
        size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE},
        mask_size={"longest_edge": 32}, mask_pad_size={"height": 32, "width": 32},
    )  # fmt: skip
    processor.save_pretrained(folder)
    return folder, network


def published_state(network: Any) -> dict[str, Any]:
    """A network's tensors under the names that segment-anything and sam2 give them.

    As their modules are written: `mlp.layers` of an MLP, `output_upscaling` and
    `mask_downscaling` of a Sequential, `norm1`, `trunk`.
    """
    is_second = hasattr(network, "no_memory_embedding")
    begin = "sam_" if is_second else ""
    rules = [
        (r"^(mask_decoder|prompt_encoder)\.", rf"{begin}\1."),
        (r"(mlps\.\d+|_head)\.layers\.0\.", r"\1.layers.1."),
        (r"(mlps\.\d+|_head)\.proj_in\.", r"\1.layers.0."),
        (r"(mlps\.\d+|_head)\.proj_out\.", r"\1.layers.2."),
        (r"upscale_conv1", "output_upscaling.0"),
        (r"upscale_layer_norm", "output_upscaling.1"),
        (r"upscale_conv2", "output_upscaling.3"),
        (r"mask_embed\.conv1", "mask_downscaling.0"),
        (r"mask_embed\.layer_norm1", "mask_downscaling.1"),
        (r"mask_embed\.conv2", "mask_downscaling.3"),
        (r"mask_embed\.layer_norm2", "mask_downscaling.4"),
        (r"mask_embed\.conv3", "mask_downscaling.6"),
        (r"shared_embedding\.positional_embedding",
         "pe_layer.positional_encoding_gaussian_matrix"),
        (r"point_embed\.", "point_embeddings."),
        (r"patch_embed\.projection", "patch_embed.proj"),
        (r"vision_encoder\.neck\.conv1", "image_encoder.neck.0"),
        (r"vision_encoder\.neck\.layer_norm1", "image_encoder.neck.1"),
        (r"vision_encoder\.neck\.conv2", "image_encoder.neck.2"),
        (r"vision_encoder\.neck\.layer_norm2", "image_encoder.neck.3"),
        (r"layer_norm", "norm"),
        (r"vision_encoder\.layers\.", "image_encoder.blocks."),
        (r"vision_encoder\.backbone\.", "image_encoder.trunk."),
        (r"vision_encoder\.neck\.convs\.(\d+)\.", r"image_encoder.neck.convs.\1.conv."),
        (r"vision_encoder\.", "image_encoder."),
        (r"mlp\.proj_in", "mlp.layers.0"),
        (r"mlp\.proj_out", "mlp.layers.1"),
        (r"o_proj", "out_proj"),
        (r"^no_memory_embedding$", "no_mem_embed"),
    ]  # fmt: skip
    found: dict[str, Any] = {}
    for name, tensor in network.state_dict().items():
        if name.startswith("shared_image_embedding"):
            continue
        if is_second and name == "prompt_encoder.point_embed.weight":
            for number in range(4):
                found[f"sam_prompt_encoder.point_embeddings.{number}.weight"] = tensor[
                    number : number + 1
                ]
            continue
        for pattern, new in rules:
            name = re.sub(pattern, new, name)
        found[name] = tensor
    if is_second:
        found["no_obj_embed_spatial"] = found["no_mem_embed"][0]
        found["memory_encoder.out_proj.weight"] = found["no_mem_embed"]
    return found
