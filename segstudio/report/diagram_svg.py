"""A network's diagram as SVG text that needs no other file."""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import cv2

from segstudio.core.labels import Image
from segstudio.core.text import printable
from segstudio.report.diagram_parts import Box, Diagram, Edge, Group, Node, Point
from segstudio.report.diagram_style import (
    CUT_COLOUR,
    KIND_COLOURS,
    KIND_DASHES,
    KIND_TEXTS,
    ROLE_COLOURS,
    arrow_head,
    detail_text,
    fitted,
    halfway,
    role_mark,
    rounded,
    shape_text,
    stride_text,
)

_TITLE_HEIGHT: Final = 30.0
_CHARACTER: Final = 0.56
"""Width of a usual character of a sans-serif font as a part of the font's size."""


@dataclass(frozen=True, slots=True)
class _Tones:
    ground: str
    band: str
    card: str
    text: str
    faint: str
    line: str


_LIGHT = _Tones("#ffffff", "#f3f4f6", "#ffffff", "#1f2328", "#5f6770", "#5f6770")
_DARK = _Tones("#191b1e", "#222529", "#2b2e34", "#e4e6e9", "#9aa1a9", "#9aa1a9")


def diagram_svg(
    diagram: Diagram,
    pictures: Mapping[str, Image],
    *,
    title: str = "",
    dark: bool = False,
    cut_skips: Collection[str] = (),
) -> str:
    """The whole diagram as SVG.

    Args:
        diagram: What to draw.
        pictures: RGB (h, w, 3) uint8 of nodes by id; a node without one has a grey box.
        title: Written above.
        dark: Light text on dark ground.
        cut_skips: Ids of skip edges that are drawn as cut.
    """
    tones = _DARK if dark else _LIGHT
    above = _TITLE_HEIGHT if title else 0.0
    width, height = diagram.width, diagram.height + above
    out = io.StringIO()
    out.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 {-above:g} {width:g} {height:g}" '
        'font-family="Noto Sans, Segoe UI, Helvetica, Arial, sans-serif" font-size="11">\n'
        f"<title>{escape(printable(title or 'Network'))}</title>\n"
        f'<rect x="0" y="{-above:g}" width="{width:g}" height="{height:g}" '
        f'fill="{tones.ground}"/>\n'
    )
    if title:
        out.write(_text((12, -9), title, tones.text, width - 24, size=14, bold=True))
    parts: list[str] = []
    parts += _bands(diagram, tones)
    parts += [_frame(text, box, tones) for text, box in diagram.frames]
    parts += [_bracket(group, tones) for group in diagram.groups]
    parts += [
        _edge(edge, tones, not set(cut_skips).isdisjoint(edge.skips)) for edge in _order(diagram)
    ]
    parts += [_node(node, pictures.get(node.id), tones) for node in diagram.nodes]
    out.write("\n".join(parts))
    out.write("\n</svg>\n")
    return out.getvalue()


def _order(diagram: Diagram) -> list[Edge]:
    """Skips lie over the path."""
    return sorted(diagram.edges, key=lambda edge: edge.kind is not None)


def _bands(diagram: Diagram, tones: _Tones) -> Iterable[str]:
    for band in diagram.bands:
        yield (
            f'<rect x="0" y="{band.top - 8:g}" width="{diagram.width:g}" '
            f'height="{band.height + 16:g}" fill="{tones.band}"/>'
            + _text((8, band.top + 14), stride_text(band.photo_stride), tones.faint, 70, size=10)
        )


def _frame(text: str, box: Box, tones: _Tones) -> str:
    return _outline(box, tones.faint, "4 3") + _text(
        (box.left + 4, box.top - 3), text, tones.faint, box.width, size=10
    )


def _bracket(group: Group, tones: _Tones) -> str:
    box = group.bracket
    if box is not None:
        return _outline(box, tones.faint, "")
    x, y = group.anchor
    return _text((x, y - 4), group.title, tones.faint, 160, size=10)


def _outline(box: Box, colour: str, dashes: str) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<rect x="{box.left:g}" y="{box.top:g}" width="{box.width:g}" height="{box.height:g}" '
        f'rx="6" fill="none" stroke="{colour}"{dashed}/>'
    )


def _edge(edge: Edge, tones: _Tones, cut: bool) -> str:
    colour = CUT_COLOUR if cut else tones.line if edge.kind is None else KIND_COLOURS[edge.kind]
    width = 1.4 if edge.kind is None else 2.0
    dashes = () if edge.kind is None else KIND_DASHES[edge.kind]
    dashed = f' stroke-dasharray="{" ".join(f"{d:g}" for d in dashes)}"' if dashes else ""
    told = f"{edge.source} → {edge.target}"
    if edge.kind is not None:
        told += f", {KIND_TEXTS[edge.kind]}" + (", cut" if cut else "")
    line = f'stroke="{colour}" stroke-width="{width}"{dashed}'
    parts = [
        f"<g><title>{escape(printable(told))}</title>",
        f'<path d="{_path(edge.points)}" fill="none" {line}/>',
        f'<polygon points="{_points(arrow_head(edge.points))}" fill="{colour}"/>',
    ]
    if cut:
        x, y = halfway(edge)
        parts.append(
            f'<path d="M{x - 6:g} {y - 6:g}L{x + 6:g} {y + 6:g}M{x - 6:g} {y + 6:g}'
            f'L{x + 6:g} {y - 6:g}" stroke="{CUT_COLOUR}" stroke-width="3"/>'
        )
    return "".join([*parts, "</g>"])


def _path(points: Sequence[Point]) -> str:
    steps = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for start, corner, end in rounded(points):
        steps.append(f"L{start[0]:g} {start[1]:g}")
        steps.append(f"Q{corner[0]:g} {corner[1]:g} {end[0]:g} {end[1]:g}")
    steps.append(f"L{points[-1][0]:g} {points[-1][1]:g}")
    return "".join(steps)


def _node(node: Node, picture: Image | None, tones: _Tones) -> str:
    box, colour = node.box, ROLE_COLOURS[node.role]
    told = f"{node.layer.name} ({node.role}), {shape_text(node.layer)}, {detail_text(node)}"
    parts = [f"<g><title>{escape(printable(told))}</title>"]
    shifts = (6, 3, 0) if node.folded else (0,)
    parts += [_card(box, shift, tones.card, colour) for shift in shifts]
    parts.append(_picture(node.picture, picture, tones))
    parts += _node_texts(node, tones)
    return "".join([*parts, "</g>"])


def _card(box: Box, shift: float, fill: str, colour: str) -> str:
    return (
        f'<rect x="{box.left + shift:g}" y="{box.top + shift:g}" width="{box.width:g}" '
        f'height="{box.height:g}" rx="4" fill="{fill}" stroke="{colour}" stroke-width="1.6"/>'
    )


def _picture(box: Box, picture: Image | None, tones: _Tones) -> str:
    if picture is None:
        return _filled(box, tones.band)
    place = fitted(box, picture.shape[1] / picture.shape[0])
    return _filled(box, tones.band) + (
        f'<image x="{place.left:g}" y="{place.top:g}" width="{place.width:g}" '
        f'height="{place.height:g}" preserveAspectRatio="none" '
        f"href={quoteattr(_data_url(picture))}/>"
    )


def _filled(box: Box, colour: str) -> str:
    return (
        f'<rect x="{box.left:g}" y="{box.top:g}" width="{box.width:g}" height="{box.height:g}" '
        f'fill="{colour}"/>'
    )


def _data_url(picture: Image) -> str:
    """A picture (h, w, 3) uint8 RGB as PNG within the text."""
    _, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _node_texts(node: Node, tones: _Tones) -> list[str]:
    """Name, shape, and where there is room role and stride."""
    area, colour = node.text, ROLE_COLOURS[node.role]
    x, y, width = area.left, area.top, area.width
    mark = Box(x, y + 2, 9, 9)
    polygons = [
        f'<polygon points="{_points(polygon)}" fill="{colour}"/>'
        for polygon in role_mark(node.role, mark)
    ]
    texts = [_text((x + 13, y + 11), node.label, tones.text, width - 13, bold=True)]
    texts.append(_text((x, y + 24), shape_text(node.layer), tones.text, width, size=10))
    if not node.small:
        texts.append(_text((x, y + 38), str(node.role), tones.faint, width, size=10))
        texts.append(_text((x, y + 51), detail_text(node), tones.faint, width, size=10))
    return [*polygons, *texts]


def _text(
    place: Point, text: str, colour: str, width: float, *, size: float = 11, bold: bool = False
) -> str:
    """One line, shortened in its middle to about the given width."""
    room = max(3, int(width / (size * _CHARACTER * (1.06 if bold else 1.0))))
    if len(text) > room:
        keep = room - 1
        text = text[: keep // 2] + "…" + text[len(text) - (keep - keep // 2) :]
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{place[0]:g}" y="{place[1]:g}" font-size="{size:g}"{weight} '
        f'fill="{colour}">{escape(printable(text))}</text>'
    )


def _points(polygon: Sequence[Point]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in polygon)
