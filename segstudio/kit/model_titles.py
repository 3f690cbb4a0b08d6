"""Titles of models where there is little room."""

from __future__ import annotations

import re
from collections.abc import Sequence


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
