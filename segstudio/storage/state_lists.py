"""Lists of what people said of images, their states and notes, for other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from segstudio.core.text import safe_cells, utf8, utf8_json


@dataclass(frozen=True)
class ListedState:
    """A row: an image, which page of it, from 1, how far it is, and what was written of it."""

    image: str
    page: int
    state: str
    note: str


def _csv(rows: Sequence[ListedState]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(ListedState.__dataclass_fields__)
    writer.writerows(safe_cells(asdict(row).values()) for row in rows)
    return utf8(out.getvalue())


def _json(rows: Sequence[ListedState]) -> bytes:
    content = {"images": [asdict(row) for row in rows]}
    return utf8_json(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


STATE_LISTS: Final[dict[str, Callable[[Sequence[ListedState]], bytes]]] = {
    "states.csv": _csv,
    "states.json": _json,
}
"""Files by name, and what makes their content."""
