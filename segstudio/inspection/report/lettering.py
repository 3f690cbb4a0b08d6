"""Text in pictures: a font of the system where there is one, else the one that comes with Pillow."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

_FONTS: Final = (
    "NotoSans-Regular.ttf", "DejaVuSans.ttf", "LiberationSans-Regular.ttf", "segoeui.ttf",
    "arial.ttf", "Arial Unicode.ttf", "Arial.ttf",
)  # fmt: skip
"""Of Linux, Windows and macOS, in the order in which they are tried."""
_INSTEAD: Final = {"\N{MULTIPLICATION SIGN}": "x", "…": "..", "\N{RIGHTWARDS ARROW}": "->"}
_NOWHERE: Final = "\U0010fffd"
"""A character that no font has."""


def text_width(text: str, size: float, _bold: bool = False) -> float:
    """Width of a line of text in pixels; there are no bold letters."""
    return float(_font(size).getlength(_drawable(text)))


def write(
    pen: ImageDraw,
    at: tuple[float, float],
    text: str,
    size: float,
    colour: str,
    *,
    anchor: str = "la",
) -> None:
    """Draw a line of text.

    Args:
        pen: Draws on the picture.
        at: (x, y) of the anchor.
        text: What to write; characters that the font does not have become "?".
        size: Of the font in pixels.
        colour: As PIL takes it.
        anchor: "la" for the upper left corner, "ls" for the left end of the base line.
    """
    pen.text(at, _drawable(text), colour, _font(size), anchor=anchor)


@lru_cache(maxsize=64)
def _font(size: float) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont as fonts

    for name in _FONTS:
        try:
            return fonts.truetype(name, size)
        except OSError:  # not on this system
            continue
    return fonts.load_default(size)


def _drawable(text: str) -> str:
    return "".join(
        c if _is_known(c) else _INSTEAD.get(c, "?") if not c.isspace() else " " for c in text
    )


@lru_cache(maxsize=4096)
def _is_known(character: str) -> bool:
    """Whether the font has a character: a missing one is drawn as the font's empty box."""
    if " " <= character <= "~":
        return True
    font = _font(20.0)
    drawn, missing = font.getmask(character), font.getmask(_NOWHERE)
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)
