"""The logit lens: what a network's head would say from an earlier stage."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureTrace, LayerInfo, Role


def head_module(model: nn.Module, found: FeatureTrace) -> tuple[nn.Module, int]:
    """Return the module of a trace's head and the channels that it reads.

    Raises:
        SegstudioError: if the trace has no head with a module of its own that begins with a
            convolution.
    """
    heads = [layer for layer in found.of_role(Role.HEAD) if layer.receptive_field is not None]
    if not heads:
        raise SegstudioError(f"{found.model} has no head that reads a map")
    try:
        module = model.get_submodule(heads[-1].name)
    except AttributeError as error:
        raise SegstudioError(f"the head of {found.model} is no module of its own") from error
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            return module, part.in_channels
    raise SegstudioError(f"{heads[-1].name} has no convolution to read a stage with")


def lens_stages(model: nn.Module, found: FeatureTrace) -> tuple[LayerInfo, ...]:
    """Return the stages that the head can read: with as many channels as it expects."""
    try:
        _, channels = head_module(model, found)
    except SegstudioError:
        return ()
    roles = (Role.BOTTLENECK, Role.CONTEXT, Role.PYRAMID, Role.DECODER, Role.ENCODER)
    return tuple(layer for layer in found.of_role(*roles) if layer.shape[0] == channels)


def logit_lens(model: nn.Module, found: FeatureTrace, layer_id: str) -> NDArray[np.float32]:
    """Return the logits (K, H, W) that the head gives for a stage, at the image's size.

    Raises:
        SegstudioError: if the head expects another number of channels.
    """
    layer = found.layer(layer_id)
    module, channels = head_module(model, found)
    if layer.shape[0] != channels:
        raise SegstudioError(
            f"the head reads {channels} channels, {layer_id} has {layer.shape[0]}",
            "Choose one of: " + ", ".join(stage.id for stage in lens_stages(model, found)),
        )
    parameter = next(module.parameters())
    stored = torch.from_numpy(found.activation(layer_id))
    features = stored[None].to(parameter.device, parameter.dtype)
    training = module.training
    try:
        module.eval()
        with torch.inference_mode():
            logits: Tensor = module(features)
            height, width = found.input_size
            logits = F.interpolate(
                logits.float(), size=(height, width), mode="bilinear", align_corners=False
            )
    finally:
        module.train(training)
    array: NDArray[np.float32] = logits[0].cpu().numpy()
    return array
