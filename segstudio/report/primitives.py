"""Drawings as plain values, which any painter can draw; here they become SVG."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import cv2
from markupsafe import Markup

from segstudio.core.labels import Image
from segstudio.core.text import as_html, printable
from segstudio.report.diagram_parts import Box, Point

_FONTS: Final = "Noto Sans, Segoe UI, Helvetica, Arial, sans-serif"
_CHARACTER: Final = 0.56
"""Width of a usual character of a sans-serif font as a part of the font's size."""
_BOLDER: Final = 1.06


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A filled or outlined box; colours are of CSS, "" for none, and may be "#aarrggbb"."""

    box: Box
    fill: str = ""
    stroke: str = ""
    width: float = 1.0
    radius: float = 0.0
    dashes: tuple[float, ...] = ()
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, its corners rounded by `radius`; dashes are lengths, gaps too."""

    points: Sequence[Point]
    stroke: str
    width: float = 1.0
    dashes: tuple[float, ...] = ()
    radius: float = 0.0
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Polygon:
    """A filled outline."""

    points: Sequence[Point]
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Disc:
    """A filled circle."""

    centre: Point
    radius: float
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `at` is on its base line, at its start, middle or end."""

    at: Point
    text: str
    colour: str
    size: float = 11.0
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"
    upward: bool = False


@dataclass(frozen=True, slots=True)
class Raster:
    """The picture of this name, as large as it fits into a box."""

    box: Box
    name: str


Shape = Rectangle | Line | Polygon | Disc | Text | Raster


@dataclass(frozen=True, slots=True)
class ShapeGroup:
    """Shapes from back to front that are one thing; `title` says what, or nothing."""

    shapes: Sequence[Shape]
    title: str = ""


@dataclass(frozen=True)
class Drawing:
    """Everything, from back to front, on an area from (0, 0) to (width, height)."""

    title: str
    width: float
    height: float
    parts: Sequence[ShapeGroup] = field(repr=False)


def fitted_box(room: Box, aspect: float) -> Box:
    """The largest box of width / height `aspect` in the middle of another one."""
    width = min(room.width, room.height * aspect)
    height = width / aspect
    x, y = room.centre
    return Box(x - width / 2, y - height / 2, width, height)


def rounded(points: Sequence[Point], radius: float) -> list[tuple[Point, Point, Point]]:
    """For every inner corner: where the curve begins, the corner, and where the curve ends."""
    found = []
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        reach = min(radius, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        found.append((_towards(corner, before, reach), corner, _towards(corner, after, reach)))
    return found


def _towards(start: Point, end: Point, reach: float) -> Point:
    part = reach / (math.dist(start, end) or 1.0)
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


def text_width(text: str, size: float, bold: bool = False) -> float:
    """About how wide a line of text is where nobody knows the font."""
    return len(text) * size * _CHARACTER * (_BOLDER if bold else 1.0)


def svg_of(
    drawing: Drawing, pictures: Mapping[str, Image] | None = None, *, inline: bool = False
) -> Markup:
    """A drawing as SVG that needs no other file.

    Args:
        drawing: What is drawn.
        pictures: (h, w, 3) uint8 RGB by the names of its `Raster` shapes.
        inline: For an HTML page, with the page's font, at most as wide as the page.
    """
    width, height = drawing.width, drawing.height
    about: dict[str, Any] = {"viewBox": f"0 0 {width:g} {height:g}", "width": round(width)}
    about["height"] = round(height)
    if inline:
        about |= {"role": "img"}
    else:
        about |= {"xmlns": "http://www.w3.org/2000/svg", "font_family": _FONTS}
    parts = [_part(part, pictures or {}) for part in drawing.parts]
    text = _tag("svg", "\n".join([_title(drawing.title), *parts]), **about)
    return Markup(text)


def _part(part: ShapeGroup, pictures: Mapping[str, Image]) -> str:
    title = _title(part.title)
    if len(part.shapes) == 1:
        return _shape(part.shapes[0], pictures, title)
    shapes = "".join(_shape(shape, pictures) for shape in part.shapes)
    return _tag("g", title + shapes) if title else shapes


def _shape(shape: Shape, pictures: Mapping[str, Image], title: str = "") -> str:
    match shape:
        case Rectangle(box, fill, stroke):
            about = {**_place(box), "rx": shape.radius or None, "fill": fill or "none"}
            return _tag(
                "rect", title, **about, **(_stroke(shape) if stroke else _seen(shape.opacity))
            )
        case Line(points) if len(points) == 2:
            (x1, y1), (x2, y2) = points
            return _tag("line", title, x1=x1, y1=y1, x2=x2, y2=y2, **_stroke(shape))
        case Line(points, radius=radius):
            return _tag("path", title, d=_path(points, radius), fill="none", **_stroke(shape))
        case Polygon(points, fill, opacity):
            listed = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
            return _tag("polygon", title, points=listed, fill=fill, **_seen(opacity))
        case Disc((cx, cy), radius, fill, opacity):
            return _tag("circle", title, cx=cx, cy=cy, r=radius, fill=fill, **_seen(opacity))
        case Text((x, y), text, colour, size):
            return _tag(
                "text", title + as_html(printable(text)), x=x, y=y, font_size=size, fill=colour,
                font_weight=600 if shape.bold else None,
                text_anchor=None if shape.anchor == "start" else shape.anchor,
                transform=f"rotate(-90 {x:g} {y:g})" if shape.upward else None,
            )  # fmt: skip
        case Raster(box, name):
            pixels = pictures[name]
            place = _place(fitted_box(box, pixels.shape[1] / pixels.shape[0]))
            return _tag("image", title, **place, preserveAspectRatio="none", href=_url(pixels))


def _path(points: Iterable[Point], radius: float) -> str:
    corners = list(points)
    steps = [f"M{corners[0][0]:g} {corners[0][1]:g}"]
    for start, corner, end in rounded(corners, radius) if radius else ():
        steps.append(
            f"L{start[0]:g} {start[1]:g}Q{corner[0]:g} {corner[1]:g} {end[0]:g} {end[1]:g}"
        )
    steps += [f"L{x:g} {y:g}" for x, y in (corners[-1:] if radius else corners[1:])]
    return "".join(steps)


def _stroke(shape: Rectangle | Line) -> dict[str, Any]:
    dashes = " ".join(f"{length:g}" for length in shape.dashes) or None
    look = {"stroke": shape.stroke, "stroke_width": shape.width, "stroke_dasharray": dashes}
    return {**look, **_seen(shape.opacity)}


def _seen(opacity: float) -> dict[str, float | None]:
    return {"opacity": None if opacity == 1 else opacity}


def _place(box: Box) -> dict[str, float]:
    return {"x": box.left, "y": box.top, "width": box.width, "height": box.height}


def _url(pixels: Image) -> str:
    """A picture (h, w, 3) uint8 RGB as PNG within the text."""
    _, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _title(text: str) -> str:
    return f"<title>{as_html(text)}</title>" if text else ""


def _tag(name: str, content: str = "", **attributes: str | float | None) -> str:
    """An element with "_" of attributes' names as "-"; those that are None are left out."""
    written = [
        f' {key.replace("_", "-")}="{as_html(f"{v:.6g}" if isinstance(v, float) else str(v))}"'
        for key, v in attributes.items()
        if v is not None
    ]
    opening = f"<{name}{''.join(written)}"
    return f"{opening}>{content}</{name}>" if content else f"{opening}/>"
