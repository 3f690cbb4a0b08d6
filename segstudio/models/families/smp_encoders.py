"""Which encoder of smp a network has: told from the names and shapes of its tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from segstudio.models.families import Shapes

REFUSED: Final = ("mit_b", "mobileone")
"""How encoders begin whose code in smp has a licence that is not free."""
_RGB: Final = 3


@dataclass(frozen=True)
class Encoder:
    """An encoder that may be that of a network.

    Attributes:
        name: As smp calls it.
        depths: For how many halvings it has these tensors.
    """

    name: str
    depths: tuple[int, ...]


def stems_of(shapes: Shapes) -> tuple[str, ...]:
    """Names of the convolutions of an RGB image."""
    return tuple(sorted(k for k, v in shapes.items() if len(v) == 4 and v[1] == _RGB))


def fingerprint(shapes: Shapes, stems: Iterable[str]) -> str:
    """What an encoder is known by, for any number of channels of the image.

    Args:
        shapes: Of its tensors.
        stems: The convolutions of the image; their input channels do not count.
    """
    of_image = set(stems)
    lines = []
    for name in sorted(shapes):
        if not name.endswith("num_batches_tracked"):
            shape = shapes[name]
            lines.append(f"{name} {(shape[0], *shape[2:]) if name in of_image else shape}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
