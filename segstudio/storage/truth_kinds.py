"""What the values of masks can be: one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from segstudio.storage.published_classes import FIRST_THING, LAST_ID

TruthKind = str
"""Key of a row: "index", "binary", ..."""


@dataclass(frozen=True)
class ValueKind:
    """What values can be.

    Attributes:
        key: Its name in files and in JSON.
        option: Its word on the command line.
        name: What it is called for people.
        choice: The same in a sentence, where it is chosen.
        unit: What the class is multiplied by, where one number is a class and an object; else 0.
        below: Then: whether numbers below the unit are classes without objects. If not, a class
            without objects has the object 0.
        recognised: Then: whether it is told from the numbers; else only a person can say so.
    """

    key: TruthKind
    option: str
    name: str
    choice: str
    unit: int = 0
    below: bool = False
    recognised: bool = False

    def fits_cityscapes(self, numbers: set[int]) -> bool:
        """Whether all of the numbers are those of things and of stuff in Cityscapes and KITTI.

        Stuff (road, sky) has no objects; things without stuff could be objects with high numbers.
        """
        low = {n for n in numbers if n < self.unit}
        if low and not self.below:
            return False
        codes = [divmod(n, self.unit) for n in numbers - low]
        things = [i for i, _ in codes if i >= FIRST_THING]
        stuff = [(i, number) for i, number in codes if i < FIRST_THING]
        return (
            bool(things and (stuff or low or self.below))
            and max(things) <= LAST_ID
            and max(low, default=0) <= LAST_ID
            and all(i > 0 and number == 0 for i, number in stuff)
        )

    def may_hold(self, numbers: set[int]) -> bool:
        """Whether the objects of each class are numbered on from 0 or 1, and classes are up to 254."""
        objects: dict[int, set[int]] = {}
        for n in numbers:
            if n >= self.unit:
                objects.setdefault(n // self.unit, set()).add(n % self.unit)
            elif n > 254 or not self.below:
                return False
        runs = (min(of) <= 1 and max(of) - min(of) + 1 == len(of) for of in objects.values())
        return 0 < max(objects, default=0) < 255 and all(runs)


KINDS: Final[dict[TruthKind, ValueKind]] = {
    kind.key: kind
    for kind in (
        ValueKind("index", "ids", "class ids", "Class ids: each number is a class"),
        ValueKind("binary", "binary", "black and white", "Black and white: one object class"),
        ValueKind(
            "instances", "objects", "objects", "Objects: each number or colour is an object"
        ),
        ValueKind("colour", "colours", "colours", "Colours: each colour is a class"),
        ValueKind(
            "cityscapes", "cityscapes", "class x 1000 + object",
            "Class x 1000 + object, as in Cityscapes", 1000, below=True, recognised=True,
        ),
        ValueKind(
            "kitti", "kitti", "class x 256 + object",
            "Class x 256 + object, as in KITTI", 256, recognised=True,
        ),
    )
}  # fmt: skip
"""By key, in the order in which they are offered."""


def recognised_codes() -> list[ValueKind]:
    """Those of class and object in one number that are told from the numbers."""
    return [kind for kind in KINDS.values() if kind.recognised]
