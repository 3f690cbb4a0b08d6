"""Titles of models where there is little room."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_MOST: Final = 22
"""Characters on the head of a column."""
_IN_BRACKETS: Final = re.compile(r"\s*\([^()]*\)")


def short_model_titles(titles: Sequence[str], others: Sequence[str] = ()) -> list[str]:
    """Each title up to its first comma or bracket, where that still tells the models apart.

    Args:
        titles: Of the models.
        others: Titles that the short ones must not be mixed up with either.
    """
    short = [re.split(r"[,(]", title)[0].strip() for title in titles]
    known = [*short, *(re.split(r"[,(]", title)[0].strip() for title in others)]
    return [
        brief if brief and known.count(brief) == 1 else title
        for title, brief in zip(titles, short, strict=True)
    ]


def column_titles(titles: Sequence[str]) -> list[str]:
    """The names without what all of them say after a comma, and without brackets.

    "DeepLabV3 (MobileNetV3), nuclei" beside "U-Net, nuclei" is "DeepLabV3". What tells two
    models apart stays; what is still too long is cut.
    """
    parts = [title.rsplit(", ", 1) for title in titles]
    endings = {part[1] if len(part) > 1 else "" for part in parts}
    names = list(titles)
    if len(titles) > 1 and len(endings) == 1:
        names = _if_distinct([part[0] for part in parts], names)
    names = _if_distinct([_IN_BRACKETS.sub("", name) for name in names], names)
    return [t if len(t) <= _MOST else f"{t[: _MOST - 1].rstrip()}…" for t in names]


def _if_distinct(shorter: list[str], names: list[str]) -> list[str]:
    return shorter if all(shorter) and len(set(shorter)) == len(set(names)) else names
