"""A trace as arrays for one's own analysis: one .npz file, read by `numpy.load`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from segstudio import __version__
from segstudio.core.errors import SegstudioError
from segstudio.core.features import LayerInfo
from segstudio.core.progress import Report
from segstudio.inspection.report.trace_material import TraceMaterial
from segstudio.storage.atomic import write_atomically

PREFIX: Final = "activations/"
"""Before a stage's id in the name of its array."""
_LEVEL: Final = 1  # activations are noise to a compressor, apart from their zeros
_BLOCK: Final = 1 << 22
_OTHERS: Final = 8
"""Arrays besides the activations."""


def write_arrays(
    path: Path,
    material: TraceMaterial,
    stages: Sequence[str] | None,
    logits: NDArray[np.float32] | None,
    report: Report,
) -> None:
    """Write a trace's arrays as a compressed .npz without pickled objects.

    It holds:

    - `activations/<stage>`: (C, h, w) float16 of each stage, `stages`: their ids in order;
    - `input`: (C, h, w) float16, what went into the network, after its preprocessing;
    - `logits`: (K, H, W) float32 of the window, for models that give them;
    - `labels`, `confidence`: (H, W) uint8 of the window, what the network says;
    - `annotation`: (H, W) uint8 of the window, where there is one;
    - `photo`: (H, W, 3) uint8 RGB of the window;
    - `about`: JSON text with the model, the image, the window, the classes, and for each stage
      its role, shape, stride, receptive field and inputs, and the skips.

    Args:
        path: The file.
        material: What to export.
        stages: Ids of the stages; None: all.
        logits: (K, H, W) float32, or None.
        report: Told how far it is.

    Raises:
        SegstudioError: for an unknown stage, or if the file cannot be written.
    """
    trace = material.trace
    chosen = trace.layers if stages is None else tuple(trace.layer(name) for name in stages)
    if not chosen:
        raise SegstudioError("No stage was chosen.", "Choose at least one stage.")

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
            for number, (name, array) in enumerate(_arrays(material, chosen, logits)):
                step = partial(report, number, len(chosen) + _OTHERS, name)
                step()
                _add(archive, name, array, step)

    write_atomically(path, write, durable=False)


def _arrays(
    material: TraceMaterial, chosen: Sequence[LayerInfo], logits: NDArray[np.float32] | None
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The arrays with their names; a stage's activations are fetched when its turn comes."""
    trace = material.trace
    yield "about", np.array(json.dumps(about(material, chosen), ensure_ascii=False))
    yield "stages", np.array([layer.id for layer in chosen])
    yield "photo", material.window
    yield "labels", material.prediction.labels
    yield "confidence", material.prediction.confidence
    annotation = material.window_reference
    if annotation is not None:
        yield "annotation", annotation
    if logits is not None:
        yield "logits", logits
    if any(layer.id == "input" for layer in trace.layers):
        yield "input", trace.activation("input")
    for layer in chosen:
        yield f"{PREFIX}{layer.id}", trace.activation(layer.id)


def about(material: TraceMaterial, chosen: Sequence[LayerInfo]) -> dict[str, Any]:
    """What the arrays are of, as plain values for JSON."""
    window = material.input_geometry.window
    trace = material.trace
    return {
        "software": f"segstudio {__version__}",
        "model": material.traced.model,
        "title": material.title,
        "network": trace.model,
        "image": material.image,
        "photo_size": list(material.input_geometry.photo_hw),
        "window": [window.top, window.left, window.bottom, window.right],
        "resized_size": list(material.input_geometry.resized_hw),
        "input_size": list(material.input_geometry.padded_hw),
        "classes": {str(i): name for i, name in material.class_names.items()},
        "annotation_classes": {str(c.id): c.name for c in material.schema.classes},
        "stages": [_stage(layer) for layer in chosen],
        "skips": [
            {"name": edge.id, "source": edge.source, "target": edge.target, "kind": edge.kind.value}
            for edge in trace.skips
        ],
    }


def _stage(layer: LayerInfo) -> dict[str, Any]:
    field = layer.receptive_field
    return {
        "name": layer.id,
        "role": layer.role.value,
        "module": layer.name,
        "shape": list(layer.shape),
        "stride": layer.photo_stride,
        "receptive_field": None if field is None else list(layer.photo_field or ()),
        "input_stride": layer.stride,
        "field_start": None if field is None else list(field.start),
        "field_jump": None if field is None else list(field.jump),
        "inputs": list(layer.inputs),
    }


def _add(
    archive: zipfile.ZipFile, name: str, array: NDArray[Any], check: Callable[[], None]
) -> None:
    """Write an array in the form that `numpy.load` reads, in blocks, so that it can be stopped."""
    plain = np.asarray(array, order="C")
    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
        # the header by numpy, the values by hand: numpy would write them in one go
        header = np.lib.format.header_data_from_array_1_0(plain)
        np.lib.format.write_array_header_1_0(entry, header)
        values = plain.reshape(-1).view(np.uint8) if plain.size else np.zeros(0, np.uint8)
        for begin in range(0, len(values), _BLOCK):
            check()
            entry.write(values[begin : begin + _BLOCK].data)
