"""JSON: reading what somebody else may have written, and what it has no words for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, Final, NoReturn

from segstudio.core.errors import SegstudioError
from segstudio.core.regular_file import check_regular

MOST_BYTES: Final = 64 << 20
"""Files of settings, classes and marks are smaller by far."""
_MOST_DEEP: Final = 64
_MOST_DIGITS: Final = 19


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text that a program can work with.

    Python's reader lets through what fails later, far from any message: nesting that no recursive
    function can follow (writing it again, for one), and numbers that are no numbers (`1e999`,
    `NaN`) or do not fit into 64 bits.

    Raises:
        ValueError: if it is no JSON, or such JSON; says in plain words what is wrong.
    """
    try:
        data = json.loads(text, parse_float=_number, parse_int=_integer, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(json_fault(error)) from None
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    _check_depth(data)
    return data


def json_fault(error: json.JSONDecodeError) -> str:
    """Where a text stops being JSON, in plain words."""
    if not error.doc.strip():
        return "it is empty"
    if not error.doc[: error.pos].strip():
        return "it is no JSON"
    if not error.doc[error.pos :].strip():
        return "it breaks off before its end"
    return f"it is no JSON from line {error.lineno}, character {error.colno} on"


def read_json(path: Path, most_bytes: int = MOST_BYTES) -> Any:
    """The value of a JSON file in UTF-8, with or without a byte order mark.

    Raises:
        OSError: if it is not there or cannot be read.
        SegstudioError: if it is a pipe, a device or a folder.
        ValueError: if it is too large, or as of `parse_json`.
    """
    check_regular(path)
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"it is larger than {most_bytes >> 20} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("it is not text in UTF-8") from error
    return parse_json(text)


def read_json_or(path: Path, otherwise: Any) -> Any:
    """The value of a JSON file, or something else if that cannot be had for whatever reason."""
    try:
        return read_json(path)
    except (OSError, ValueError, SegstudioError):
        return otherwise


def read_object(path: Path) -> dict[str, Any]:
    """The entries of a JSON file; none if they cannot be had for whatever reason."""
    data = read_json_or(path, {})
    return data if isinstance(data, dict) else {}


def without_nan(value: Any) -> Any:
    """A value as JSON can say it: numbers that are not defined become None, tuples lists."""
    if isinstance(value, Mapping):
        return {str(k): without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(v) for v in value]
    if isinstance(value, Real) and not math.isfinite(value):
        return None
    return value


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _MOST_DIGITS:
        raise ValueError(f"the number {text[:20]}... is too large")
    return int(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _check_depth(data: Any) -> None:
    level: list[Any] = [[data]]
    for _ in range(_MOST_DEEP):
        values = (each.values() if isinstance(each, dict) else each for each in level)
        level = [child for part in values for child in part if isinstance(child, dict | list)]
        if not level:
            return
    raise ValueError("it is nested too deeply")
