"""How a network's diagram looks: colours and marks of roles, lines of skips, texts."""

from __future__ import annotations

import math
from typing import Final

from segstudio.core.features import EdgeKind, LayerInfo, Role
from segstudio.core.series_colors import GREEN, ORANGE, PINK, SKY, VERMILION
from segstudio.report.diagram_parts import Box, DiagramNode, Point
from segstudio.report.shape_table import pixels_text

ROLE_COLOURS: Final = {
    Role.INPUT: "#8a9099",
    Role.ENCODER: "#2b7bc4",
    Role.BOTTLENECK: PINK,
    Role.CONTEXT: ORANGE,
    Role.PYRAMID: SKY,
    Role.DECODER: GREEN,
    Role.HEAD: VERMILION,
    Role.PROPOSALS: "#b8a800",
    Role.MASK_HEAD: VERMILION,
}
"""By Okabe & Ito (2008), safe for colour-blind users; each role has a mark of its own besides."""

KIND_COLOURS: Final = {
    EdgeKind.CONCATENATION: "#2b7bc4",
    EdgeKind.ADDITION: VERMILION,
    EdgeKind.LATERAL: GREEN,
    EdgeKind.PYRAMID: PINK,
}
KIND_DASHES: Final[dict[EdgeKind, tuple[float, ...]]] = {
    EdgeKind.CONCATENATION: (),
    EdgeKind.ADDITION: (7.0, 3.0),
    EdgeKind.LATERAL: (11.0, 3.0, 2.0, 3.0),
    EdgeKind.PYRAMID: (2.5, 2.5),
}
"""Lengths of dashes and gaps in the diagram's units; a kind is known by its line too."""
CUT_COLOUR: Final = "#c1272d"
KIND_TEXTS: Final = {
    EdgeKind.CONCATENATION: "concatenated",
    EdgeKind.ADDITION: "added",
    EdgeKind.LATERAL: "added through a lateral convolution",
    EdgeKind.PYRAMID: "brought in from a pyramid level",
}
TIMES: Final = "\N{MULTIPLICATION SIGN}"

Outline = tuple[Point, ...]
_SQUARE: Final[Outline] = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
_DISC: Final[Outline] = tuple(
    (0.5 + 0.45 * math.cos(i * math.pi / 8), 0.5 + 0.45 * math.sin(i * math.pi / 8))
    for i in range(16)
)
ROLE_MARKS: Final[dict[Role, tuple[Outline, ...]]] = {
    Role.INPUT: (_SQUARE,),
    Role.ENCODER: (((0.0, 0.1), (1.0, 0.1), (0.5, 0.95)),),
    Role.BOTTLENECK: (((0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)),),
    Role.CONTEXT: tuple(
        ((x, 0.05), (x + 0.22, 0.05), (x + 0.22, 0.95), (x, 0.95)) for x in (0.0, 0.39, 0.78)
    ),
    Role.PYRAMID: (
        ((0.36, 0.0), (0.64, 0.0), (0.64, 0.24), (0.36, 0.24)),
        ((0.18, 0.38), (0.82, 0.38), (0.82, 0.62), (0.18, 0.62)),
        ((0.0, 0.76), (1.0, 0.76), (1.0, 1.0), (0.0, 1.0)),
    ),
    Role.DECODER: (((0.5, 0.05), (1.0, 0.9), (0.0, 0.9)),),
    Role.HEAD: (_DISC,),
    Role.PROPOSALS: (
        ((0.0, 0.0), (0.62, 0.0), (0.62, 0.16), (0.16, 0.16), (0.16, 0.62), (0.0, 0.62)),
        ((1.0, 1.0), (0.38, 1.0), (0.38, 0.84), (0.84, 0.84), (0.84, 0.38), (1.0, 0.38)),
    ),
    Role.MASK_HEAD: (((0.5, 0.0), (1.0, 0.38), (0.8, 1.0), (0.2, 1.0), (0.0, 0.38)),),
}
"""Filled outlines in the unit square: down for what goes down, up for what goes up."""


def role_mark(role: Role, box: Box) -> tuple[Outline, ...]:
    """A role's mark, drawn into a box."""
    return tuple(
        tuple((box.left + x * box.width, box.top + y * box.height) for x, y in polygon)
        for polygon in ROLE_MARKS[role]
    )


def shape_text(layer: LayerInfo) -> str:
    """Channels x height x width."""
    channels, height, width = layer.shape
    return f"{channels}{TIMES}{height}{TIMES}{width}"


def stride_text(photo_stride: float) -> str:
    """How coarse a row is, in photo pixels."""
    return f"stride {pixels_text(photo_stride)}" if photo_stride > 0 else "per region"


def stride_words(photo_stride: float) -> str:
    """The same with its unit, where there is room."""
    if photo_stride <= 0:
        return stride_text(photo_stride)
    pixels = "pixel" if pixels_text(photo_stride) == "1" else "pixels"
    return f"{stride_text(photo_stride)} {pixels} of the photo"


def detail_text(node: DiagramNode) -> str:
    """What else is said of a node: its stride, or how many stages are folded into it."""
    return f"{node.folded + 1} stages" if node.folded else stride_text(node.layer.photo_stride)
