"""Titles of models where there is little room."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_CUTS: Final = " ,-_("
"""Titles are cut after one of these, never inside a word."""


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


def shared_beginning(titles: Sequence[str]) -> str:
    """What all titles begin with, cut at a space, comma, bracket, "-" or "_"; "" for one title.

    Something is left of each title without it, so they can be told apart all the same.
    """
    if len(set(titles)) < 2:
        return ""
    first, last = min(titles), max(titles)
    length = next(
        (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    shared = _up_to_cut(first[:length])
    while shared and any(not title[len(shared) :].strip(_CUTS) for title in titles):
        shared = _up_to_cut(shared.rstrip(_CUTS))
    return shared


def _up_to_cut(text: str) -> str:
    return text[: max(text.rfind(cut) for cut in _CUTS) + 1]
