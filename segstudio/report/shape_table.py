"""The shape trace of a network as a table of text: one row for every stage."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

from segstudio.core.features import LayerInfo, Remainder
from segstudio.core.operators import operators_text
from segstudio.core.text import safe_cells

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
    "operations",
)


def field_text(layer: LayerInfo, missing: str = "\u2013") -> str:
    """The receptive field in photo pixels, "height x width".

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
    text = " x ".join(map(str, layer.photo_field or ()))
    return f"{text} +" if field.is_global else text


def pixels_text(pixels: float) -> str:
    """A number of photo pixels, with one digit after the point where it is not whole.

    Below 2 with two digits: a network that enlarges the photo fourfold has a position every 0.25.
    """
    if round(pixels) and abs(pixels - round(pixels)) < 0.05:
        return f"{round(pixels)}"
    return f"{pixels:.1f}" if pixels >= 2 else f"{pixels:.2f}".rstrip("0").rstrip(".")


def shape_rows(
    layers: Iterable[LayerInfo], remainder: Remainder | None = None
) -> list[tuple[str, ...]]:
    """One row of text for every stage, in the order of `HEADINGS`; last what no stage counts."""
    rows: list[tuple[str, ...]] = [
        (
            layer.id,
            layer.role.value,
            str(layer.shape[1]),
            str(layer.shape[2]),
            str(layer.shape[0]),
            pixels_text(layer.photo_stride),
            str(layer.parameters),
            str(layer.macs),
            field_text(layer, ""),
            str(layer.nbytes),
            f"{layer.seconds * 1000:.3f}",
            operators_text(layer.operators),
        )
        for layer in layers
    ]
    if remainder is not None:
        figures = (str(remainder.parameters), str(remainder.macs), "", "")
        time = f"{remainder.seconds * 1000:.3f}"
        rows.append((remainder_text(remainder), *[""] * 5, *figures, time, ""))
    return rows


def remainder_text(remainder: Remainder) -> str:
    """What no stage counts, by name."""
    return f"(besides: {', '.join(remainder.modules)})"


def shape_csv(
    layers: Iterable[LayerInfo], separator: str = ",", remainder: Remainder | None = None
) -> str:
    """The table with its headings as CSV (RFC 4180), or with another separator."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(HEADINGS)
    writer.writerows(safe_cells(row) for row in shape_rows(layers, remainder))
    return text.getvalue()
