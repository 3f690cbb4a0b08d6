"""Where a person says that the masks are: a folder, and how their names are made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from segstudio.core.errors import SegstudioError
from segstudio.storage.layout import stem_of, suffix_of

_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_FIELDS: Final = ("stem", "name")
_HINT: Final = "Write for instance {stem}_L.png: {stem} is the image's name without its ending."


@dataclass(frozen=True)
class MaskPattern:
    """How the name of a mask is made of that of its image: `{stem}_L.png`, `labels/{stem}.tif`.

    Attributes:
        text: The pattern. `{stem}` is the image's name without its ending, `{name}` with it.
    """

    text: str

    def __post_init__(self) -> None:
        """Check the pattern.

        Raises:
            SegstudioError: if it names no image, has other fields, or leads out of the folder.
        """
        fields = _FIELD.findall(self.text)
        rest = _FIELD.sub("x", self.text)
        path = PurePosixPath(rest)
        if not fields or any(f not in _FIELDS for f in fields) or "{" in rest or "}" in rest:
            raise SegstudioError(f"{self.text!r} is no pattern for names of masks.", _HINT)
        if path.is_absolute() or ".." in path.parts or "\\" in rest:
            raise SegstudioError(
                f"The pattern {self.text!r} leads out of the folder.",
                "Choose the folder of the masks, and give the pattern of their names.",
            )
        if not suffix_of(path.name):
            raise SegstudioError(f"The pattern {self.text!r} has no ending like .png.", _HINT)

    def name_for(self, filename: str) -> str:
        """The mask of an image, as a path from the folder of the masks."""
        values = {"stem": stem_of(filename), "name": filename}
        return _FIELD.sub(lambda found: values[found[1]], self.text)

    def stem_in(self, mask: str) -> str | None:
        """The stem of the image that a mask is of; None if the name is not made so."""
        found = self._inverse.fullmatch(mask)
        if found is None:
            return None
        field, value = next((k, v) for k, v in found.groupdict().items() if v is not None)
        return value if field == "stem" else stem_of(value)

    @cached_property
    def _inverse(self) -> re.Pattern[str]:
        parts, seen, at = [], set(), 0
        for found in _FIELD.finditer(self.text):
            parts.append(re.escape(self.text[at : found.start()]))
            name = found[1]
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+)")
            seen.add(name)
            at = found.end()
        return re.compile("".join([*parts, re.escape(self.text[at:])]), re.DOTALL)


@dataclass(frozen=True)
class ChosenMasks:
    """The masks that a person chose instead of those that would be found.

    Attributes:
        folder: Where they lie; None: where the images lie.
        pattern: How their names are made; None: as those that are found.
    """

    folder: Path | None = None
    pattern: MaskPattern | None = None

    def __bool__(self) -> bool:
        """Whether anything was chosen."""
        return self.folder is not None or self.pattern is not None

    def __str__(self) -> str:
        """What was chosen, in words."""
        where = "beside the images" if self.folder is None else str(self.folder)
        return where if self.pattern is None else f"{where}, named {self.pattern.text}"
