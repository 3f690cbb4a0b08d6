"""The shape trace of a network as a table of text: one row for every stage."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

from segstudio.core.features import LayerInfo

HEADINGS: Final = (
    "stage",
    "role",
    "height",
    "width",
    "channels",
    "stride",
    "parameters",
    "multiply_adds",
    "receptive_field",
    "memory_bytes",
    "milliseconds",
)


def field_text(layer: LayerInfo, missing: str = "\u2013") -> str:
    """The receptive field in image pixels, "height x width".

    Args:
        layer: The stage.
        missing: Said where the stage has no place on the image.

    Returns:
        With "+" where some path reads the whole image besides; "whole image" where all do.
    """
    field = layer.receptive_field
    if field is None:
        return missing
    if not field.has_local:
        return "whole image"
    text = f"{field.size[0]} x {field.size[1]}"
    return f"{text} +" if field.is_global else text


def shape_rows(layers: Iterable[LayerInfo]) -> list[tuple[str, ...]]:
    """One row of text for every stage, in the order of `HEADINGS`."""
    return [
        (
            layer.id,
            layer.role.value,
            str(layer.shape[1]),
            str(layer.shape[2]),
            str(layer.shape[0]),
            str(layer.stride),
            str(layer.parameters),
            str(layer.macs),
            field_text(layer, ""),
            str(layer.nbytes),
            f"{layer.seconds * 1000:.3f}",
        )
        for layer in layers
    ]


def shape_csv(layers: Iterable[LayerInfo], separator: str = ",") -> str:
    """The table with its headings as CSV (RFC 4180), or with another separator."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(HEADINGS)
    writer.writerows(shape_rows(layers))
    return text.getvalue()
