"""The filter of a table of objects: words of classes, and conditions such as `area<50`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from segstudio.core.object_figures import ObjectFigures

FIELDS: Final = ("id", "area", "mean", "score")
"""What conditions may be about."""
_TERM: Final = re.compile(
    r"([A-Za-z]+)\s*:?\s*(<=|>=|!=|[<>=\N{LESS-THAN OR EQUAL TO}\N{GREATER-THAN OR EQUAL TO}])\s*(\S*)"
)
_COMPARED: Final[Mapping[str, Callable[[Any, float], Any]]] = {
    "<": operator.lt, "<=": operator.le, "\N{LESS-THAN OR EQUAL TO}": operator.le,
    ">": operator.gt, ">=": operator.ge, "\N{GREATER-THAN OR EQUAL TO}": operator.ge,
    "=": operator.eq, "!=": operator.ne,
}  # fmt: skip


@dataclass(frozen=True)
class ObjectFilter:
    """Which objects are meant: those for which all conditions and words hold.

    Attributes:
        conditions: What is compared, how, and with what.
        words: In lower case; each has to be in the name of the class, or in the kind of error.
        problem: Why a part of the text means nothing, as a sentence; "" if nothing is wrong.
    """

    conditions: tuple[tuple[str, str, float], ...] = ()
    words: tuple[str, ...] = ()
    problem: str = ""

    @classmethod
    def of(cls, text: str) -> ObjectFilter:
        """What a text asks for; a part that means nothing asks for nothing."""
        conditions, problem = [], ""
        for name, sign, number in _TERM.findall(text):
            value = _number(number)
            if name.lower() not in FIELDS:
                problem = f"There is no column {name}: ask for {', '.join(FIELDS)} or words."
            elif value is None:
                problem = f"Write a number behind {name}{sign}, as in area<50."
            else:
                conditions.append((name.lower(), sign, value))
        words = _TERM.sub(" ", text).casefold().replace("class:", " ").split()
        return cls(tuple(conditions), tuple(words), problem)

    def kept(
        self,
        figures: ObjectFigures,
        name_of: Callable[[int], str],
        errors: Mapping[int, str],
        area: float = 1.0,
    ) -> npt.NDArray[np.bool_]:
        """Which objects are meant.

        Args:
            figures: The objects.
            name_of: The name of a class.
            errors: Kinds of errors by number.
            area: Of a pixel, in the unit in which areas are asked for.

        Returns:
            (N,) True for those.
        """
        kept = np.ones(len(figures.ids), np.bool_)
        for name, sign, value in self.conditions:
            column: npt.NDArray[Any] = {
                "id": figures.ids,
                "area": figures.areas * area,
                "mean": figures.means,
                "score": figures.scores,
            }[name]
            # what has no figure meets no condition
            kept &= _COMPARED[sign](column, value) & ~np.isnan(column)
        if self.words:
            names = {int(c): name_of(int(c)).casefold() for c in np.unique(figures.classes)}
            kinds = {number: kind.casefold() for number, kind in errors.items()}
            for word in self.words:
                of_class = [c for c, name in names.items() if word in name]
                of_kind = [number for number, kind in kinds.items() if word in kind]
                kept &= np.isin(figures.classes, of_class) | np.isin(figures.ids, of_kind)
        return kept


def _number(text: str) -> float | None:
    """A number as people type it, also with a comma; None if it is none."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
