"""Class names in the files that other programs keep them in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from segstudio.core.errors import SegstudioError
from segstudio.core.regular_file import check_regular
from segstudio.core.schema import ClassSpec, Color, distinct_color
from segstudio.storage.schema_file import read_schema

_MOST: Final = 256
_MAX_BYTES: Final = 1 << 20
_IGNORED: Final = frozenset({"__ignore__", "_ignore_"})
"""What labelme calls pixels of no class; it stands before class 0."""
_GROUND: Final = frozenset({"_background_", "__background__"})
_CVAT: Final = re.compile(r"([^:]+):(?:(\d+),(\d+),(\d+))?:[^:]*:[^:]*")
"""`name:r,g,b:parts:actions`, as in the `labelmap.txt` of CVAT and Datumaro."""


def read_class_names(path: Path) -> tuple[ClassSpec, ...]:
    """The classes in a text file, one name a line in the order of the ids, or a `segstudio.json`.

    Blank lines and comments (#) are passed over. Lines may be those of CVAT's `labelmap.txt`, and
    the `__ignore__` of labelme's `labels.txt` is none of the classes.

    Raises:
        SegstudioError: if it cannot be read, or holds no names or more than 256.
    """
    check_regular(path)
    if path.suffix.lower() == ".json":
        return read_schema(path).classes
    specs = tuple(_specs(_text(path)))
    if not specs or len(specs) > _MOST:
        found = "no class name" if not specs else f"{len(specs)} lines"
        raise SegstudioError(
            f"{path} holds {found}.", f"It needs one name a line, {_MOST} at most."
        )
    return specs


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise SegstudioError(
            f"The class list {path} cannot be read ({error.strerror or error}).",
            "Check that the file is there and that you may read it.",
        ) from error
    except UnicodeDecodeError as error:
        raise SegstudioError(
            f"{path} is not a text file in UTF-8.", "It needs one class name a line."
        ) from error


def _specs(text: str) -> Iterator[ClassSpec]:
    lines = (line.strip() for line in text.splitlines())
    kept = [line for line in lines if line and not line.startswith("#")]
    for number, line in enumerate(line for line in kept if line.casefold() not in _IGNORED):
        name, color = _parsed(line)
        name = "background" if name.casefold() in _GROUND else name
        yield ClassSpec(number, name, color or distinct_color(number))


def _parsed(line: str) -> tuple[str, Color | None]:
    match = _CVAT.fullmatch(line)
    if match is None:
        return line, None
    name, *rgb = match.groups()
    if rgb[0] is None:
        return name.strip(), None
    red, green, blue = (min(255, int(value)) for value in rgb)
    return name.strip(), (red, green, blue)
