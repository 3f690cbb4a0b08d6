"""What the classes of other schemas count as in a folder, as the user chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Unmapped = Literal["background", "ignored"]
"""What becomes of a class without a counterpart: it counts as background, or nowhere."""
UNMAPPED: Final[tuple[Unmapped, ...]] = ("background", "ignored")

Names = tuple[tuple[int, str], ...]
"""Ids and names of a model's classes, by id."""


@dataclass(frozen=True)
class ClassRule:
    """Which of a folder's classes the classes of a model are.

    It holds for every model with these classes, whatever its weights.

    Attributes:
        model: Ids and names of the model's classes, by id.
        targets: For each of them the folder's class id, or None without a counterpart.
        unmapped: What becomes of those without one.
    """

    model: Names
    targets: tuple[int | None, ...]
    unmapped: Unmapped = "background"

    @classmethod
    def of(
        cls,
        model: Iterable[tuple[int, str]],
        targets: Mapping[int, int | None],
        unmapped: Unmapped = "background",
    ) -> ClassRule:
        """A rule from the model's (id, name) pairs and a target by id; missing ones are None."""
        names = tuple(sorted(model))
        return cls(names, tuple(targets.get(class_id) for class_id, _ in names), unmapped)

    @property
    def by_id(self) -> dict[int, int | None]:
        """The folder's class id by the model's class id."""
        return {
            class_id: target for (class_id, _), target in zip(self.model, self.targets, strict=True)
        }

    def is_for(self, model: Iterable[tuple[int, str]]) -> bool:
        """Whether these are the model's classes; case and outer blanks of names do not matter."""
        return _plain(self.model) == _plain(model)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary for `segstudio.json`."""
        return {
            "model": {str(class_id): name for class_id, name in self.model},
            "to": {str(i): target for i, target in self.by_id.items() if target is not None},
            "unmapped": self.unmapped,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ClassRule:
        """The inverse of `to_json`.

        Raises:
            ValueError: if an entry has the wrong form.
        """
        try:
            model = [(int(class_id), str(name)) for class_id, name in data["model"].items()]
            targets = {int(class_id): int(target) for class_id, target in data["to"].items()}
            unmapped = data.get("unmapped", "background")
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"a class mapping has the wrong form ({error})") from error
        numbers = [*targets, *targets.values(), *(class_id for class_id, _ in model)]
        if unmapped not in UNMAPPED or not all(0 <= number <= 255 for number in numbers):
            raise ValueError("a class mapping has a value that is not known")
        return cls.of(model, targets, unmapped)


def _plain(model: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    return sorted((class_id, name.strip().casefold()) for class_id, name in model)
