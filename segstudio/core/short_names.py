"""Names where there is little room: what all have in common is said once, gaps are in the middle."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_CUTS: Final = " ,-_/."
"""A file's name is cut after or before these, never inside a word or a number."""
TITLE_CUTS: Final = " ,_"
"""A title is cut at these: a U-Net is no kind of U."""
_LAST: Final = 6
"""So many characters at the end of a name stay: names are told apart there, more often than not."""
_GAP: Final = "…"
_MOST_KINDS, _OF_A_KIND = 3, 3
"""Of so many kinds at most, with so many names at least in each, the beginnings are left out."""


@dataclass(frozen=True)
class SharedParts:
    """What all names of a list begin and end with.

    Attributes:
        begin: What they begin with, up to a cut ("nuclei-").
        end: What they end with, from a cut on (".png").
        kinds: Where they do not begin alike, but are of two or three kinds: what each kind begins
            with ("nuclei-", "photo-").
    """

    begin: str = ""
    end: str = ""
    kinds: tuple[str, ...] = ()

    def own(self, name: str) -> str:
        """What is left of one of the names."""
        begin = next((kind for kind in self.kinds if name.startswith(kind)), self.begin)
        return name[len(begin) : len(name) - len(self.end)]

    @property
    def pattern(self) -> str:
        """What to say once for all names ("nuclei-*.png"); "" where they share nothing."""
        if self.kinds:
            return f"{', '.join(f'{kind}*' for kind in self.kinds)}{self.end}"
        return f"{self.begin}*{self.end}" if self.begin or self.end else ""


def shared_parts(names: Sequence[str], cuts: str = _CUTS) -> SharedParts:
    """What can be left out of all names alike, so that something is left of each.

    It is cut at a space, comma, "-", "_", "/" or ".", but not at the point of a number: of
    "zoom 0.5" and "zoom 0.7" that is "zoom ". Names that differ stay different: also those of two
    kinds, whose beginnings are left out only if no two names become the same.

    Args:
        names: The names of a list, 100,000 or two; a single one shares nothing.
        cuts: Where names may be cut; `TITLE_CUTS` for titles of models and the like, which are of
            one kind.
    """
    if len(names) < 2:
        return SharedParts()
    begin = _up_to_cut(_common_begin(min(names), max(names)), cuts)
    end = _from_cut(_common_end(names), cuts)
    room = min(map(len, names))
    while begin and len(begin) + len(end) >= room:
        begin = _up_to_cut(begin[:-1], cuts)
    while end and len(end) >= room:
        end = _from_cut(end[1:], cuts)
    shared = SharedParts(begin, end)
    return shared if begin or cuts != _CUTS else _with_kinds(shared, names)


def _with_kinds(shared: SharedParts, names: Sequence[str]) -> SharedParts:
    """The same with the beginnings of the kinds of names, where that loses nothing."""
    # a word, and a number with its point as one
    first_word = re.compile(rf"(?:[^{re.escape(_CUTS)}]|(?<=\d)\.)*[{re.escape(_CUTS)}]")
    kinds: dict[str, list[str]] = {}
    for name in names:
        found = first_word.match(name)
        if found is None:
            return shared
        kinds.setdefault(found[0], []).append(name)
        if len(kinds) > _MOST_KINDS:
            return shared
    if len(kinds) < 2 or any(len(kind) < _OF_A_KIND for kind in kinds.values()):
        return shared
    begins = []
    for kind in kinds.values():
        begin = _up_to_cut(_common_begin(min(kind), max(kind)), _CUTS)
        room = min(map(len, kind)) - len(shared.end)
        while len(begin) >= room and begin:
            begin = _up_to_cut(begin[:-1], _CUTS)
        if not begin:
            return shared
        begins.append(begin)
    parted = SharedParts("", shared.end, tuple(begins))
    return parted if len({*map(parted.own, names)}) == len({*names}) else shared


def elided_middle(text: str, width: float, advance: Callable[[str], float]) -> str:
    """A text in so much room: a gap in the middle, the last characters stay.

    Args:
        text: The text.
        width: The room.
        advance: How wide a text is.
    """
    if advance(text) <= width:
        return text
    start = max(0, len(text) - _LAST)
    while start and unicodedata.combining(text[start]):  # an accent stays with its letter
        start -= 1
    tail = text[start:]
    while len(tail) > 1 and advance(_GAP + tail) > width:
        tail = tail[1:]
    fits, most = 0, start
    while fits < most:
        middle = (fits + most + 1) // 2
        if advance(text[:middle] + _GAP + tail) <= width:
            fits = middle
        else:
            most = middle - 1
    while fits and unicodedata.combining(text[fits]):
        fits -= 1
    return text[:fits].rstrip() + _GAP + tail


def _common_begin(one: str, other: str) -> str:
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))]


def _common_end(names: Sequence[str]) -> str:
    """Quicker than to turn 100,000 names round."""
    end = names[0]
    for name in names:
        if not name.endswith(end):
            end = _common_begin(end[::-1], name[::-1])[::-1]
    return end


def _up_to_cut(text: str, cuts: str) -> str:
    while text and not (text[-1] in cuts and not _in_number(text[-2:])):
        text = text[:-1]
    return text


def _from_cut(text: str, cuts: str) -> str:
    while text and not (text[0] in cuts and not _in_number(text[1::-1])):
        text = text[1:]
    return text


def _in_number(two: str) -> bool:
    """Whether a digit stands beside a point."""
    return two[-1] == "." and two[0].isdigit()
