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


def telling_title(title: str, others: Sequence[str]) -> str:
    """What tells one model from others: its title up to the first comma, or what is behind it.

    "Small U-Net, bilinear" beside another "Small U-Net" is "bilinear".

    Args:
        title: Of the model.
        others: Titles of the others.
    """
    (brief,) = short_model_titles([title], others)
    behind = title.rpartition(", ")[2]
    if brief != title or any(other.rpartition(", ")[2] == behind for other in others):
        return brief
    return behind


def column_titles(titles: Sequence[str]) -> list[str]:
    """The names without what all of them say after a comma, and without brackets.

    "DeepLabV3 (MobileNetV3), nuclei" beside "U-Net, nuclei" is "DeepLabV3". What tells two
    models apart stays. Of those that are still too long, and of what begins as they do, the end
    stays: "Small U-Net, transposed" is "transposed". What is too long all the same is cut.
    """
    parts = [title.rsplit(", ", 1) for title in titles]
    endings = {part[1] if len(part) > 1 else "" for part in parts}
    names = list(titles)
    if len(titles) > 1 and len(endings) == 1:
        names = _if_distinct([part[0] for part in parts], names)
    names = _if_distinct([_IN_BRACKETS.sub("", name) for name in names], names)
    too_long = {name.rpartition(", ")[0] for name in names if len(name) > _MOST} - {""}
    ends = [name.rpartition(", ") for name in names]
    shorter = [
        end if begin in too_long else name
        for name, (begin, _, end) in zip(names, ends, strict=True)
    ]
    names = _if_distinct(shorter, names)
    return [t if len(t) <= _MOST else f"{t[: _MOST - 1].rstrip()}…" for t in names]


def _if_distinct(shorter: list[str], names: list[str]) -> list[str]:
    return shorter if all(shorter) and len(set(shorter)) == len(set(names)) else names
