"""Names of models that fit on the head of a column."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MOST = 22
_IN_BRACKETS = re.compile(r"\s*\([^()]*\)")


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
