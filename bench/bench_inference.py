"""Inference through segstudio against the bare network with plain pre- and post-processing.

The baseline is what one would write in a script: prepare the image, call the network under
`torch.inference_mode`, resample the logits to the image, softmax and argmax. segstudio adds the
cancel hook, the choice of tiles, the lock and the packing of the result.
"""

import statistics
import time

import numpy as np
import torch

from segstudio.core.prediction import RunOptions
from segstudio.models.checkpoints import load_into, load_state
from segstudio.models.preprocess import Preprocess, restore
from segstudio.models.registry import registry
from segstudio.models.segmenter import Segmenter, resolve_builder
from segstudio.models.weights import require_weights

TARGET = 1.05
PAIRS = 15


def _bare(network: torch.nn.Module, settings: Preprocess, pixels: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        tensor, geometry = settings.prepare(pixels)
        output = network(tensor.contiguous(memory_format=torch.channels_last))
        logits = output["out"] if isinstance(output, dict) else output
        probabilities = restore(logits, geometry).softmax(1)
        best, labels = probabilities.max(1)
        confidence = (best * 255).round().to(torch.uint8)
        return np.stack([labels[0].to(torch.uint8).numpy(), confidence[0].numpy()])


def _ratio(model: str) -> float:
    spec = registry()[model]
    segmenter = Segmenter(spec, device="cpu")
    settings = Preprocess.from_dict(dict(spec.preprocess))
    # a second network, without segstudio's hooks: the baseline must not pay for them
    bare = resolve_builder(spec.builder)(**spec.options).eval()
    weights = require_weights(spec)
    load_into(bare, load_state(weights), str(weights))
    bare = bare.to(memory_format=torch.channels_last)
    pixels = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    options = RunOptions(device="cpu")
    segmenter.predict(pixels, options)
    _bare(bare, settings, pixels)
    ratios = []
    for _ in range(PAIRS):
        start = time.process_time()
        segmenter.predict(pixels, options)
        middle = time.process_time()
        _bare(bare, settings, pixels)
        ratios.append((middle - start) / (time.process_time() - middle))
    return statistics.median(ratios)


def rows() -> list[tuple[str, float, float, bool]]:
    """Name, value, target, whether it is met."""
    found = []
    for model in ("unet-nuclei", "deeplab-nuclei"):
        ratio = _ratio(model)
        found.append(
            (f"{model}, 512 x 512, through segstudio / bare", ratio, TARGET, ratio <= TARGET)
        )
    return found


if __name__ == "__main__":
    for name, value, target, ok in rows():
        print(f"{name}: {value:.3f} (target {target}) {'ok' if ok else 'missed'}")
