"""Tiny networks of Hugging Face, saved as transformers saves them, and what transformers says."""

from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image

from segstudio.models.recognition import spec_from_weights
from segstudio.models.segmenter import Segmenter

NAMES = ("road", "building", "car", "person", "sky")
LABELS = {"id2label": dict(enumerate(NAMES)), "label2id": {n: i for i, n in enumerate(NAMES)}}
THINGS = {2, 3}


def photo(height, width, seed=0):
    """Smooth colours, as photographs have them: each pixel for itself would be noise."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.array(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def filled(network, seed):
    """Weights large enough that classes differ between places."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 1.5 / parameter[0].numel() ** 0.5)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.2)
    return network.eval()


def mask2former_network(tf):
    config = tf.Mask2FormerConfig(
        backbone_config=swin(tf), feature_size=32, mask_feature_size=32, hidden_dim=32,
        encoder_feedforward_dim=16, dim_feedforward=16, num_attention_heads=2, encoder_layers=1,
        decoder_layers=3, num_queries=14, **LABELS,
    )  # fmt: skip
    network = filled(tf.Mask2FormerForUniversalSegmentation(config), 5)
    seen = torch.from_numpy(photo(96, 128)).permute(2, 0, 1)[None] / 128 - 1
    with torch.no_grad():
        # queries that differ in class and place, and are sure of both
        for name, parameter in network.model.transformer_module.decoder.named_parameters():
            if "out_proj" in name or "fc2" in name:
                parameter *= 0.1
        projection = network.model.pixel_level_module.decoder.mask_projection
        features = network.model.pixel_level_module(seen).decoder_last_hidden_state
        projection.bias -= features.mean((0, 2, 3))
        masks = network(pixel_values=seen).masks_queries_logits
        projection.weight *= 3 / masks.std()
        projection.bias *= 3 / masks.std()
        *_, last = (
            network.model.transformer_module.decoder.mask_predictor.mask_embedder.parameters()
        )
        last[0] += 10
        projection.weight[0], projection.bias[0] = 0, -0.2
        network.class_predictor.weight *= 3
        classes = network(pixel_values=seen).class_queries_logits
        network.class_predictor.bias -= classes.mean((0, 1))
    return network


def saved(network, processor, folder):
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
    return SimpleNamespace(network=network, processor=processor, folder=folder)


def swin(tf):
    return tf.SwinConfig(
        embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4, image_size=64,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip


def model_of(folder):
    spec = spec_from_weights(folder)
    return Segmenter(spec, device="cpu")


def post(made, output, kind, size, **more):
    return getattr(made.processor, f"post_process_{kind}_segmentation")(
        output, target_sizes=[size], **more
    )[0]


def panoptic_maps(result):
    """Class ids from 1 on, 0 where no segment is; and the objects, numbered anyhow."""
    segments = result["segmentation"].numpy()
    classes = np.zeros(segments.shape, np.uint8)
    objects = np.zeros(segments.shape, np.int64)
    for info in result["segments_info"]:
        inside = segments == info["id"]
        classes[inside] = info["label_id"] + 1
        if info["label_id"] in THINGS:
            objects[inside] = info["id"]
    return classes, objects


def same_partition(a, b):
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(set(pairs[0])) == len(set(pairs[1])) == pairs.shape[1]
