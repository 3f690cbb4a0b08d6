"""What images contributed to the figures of a folder, on disk, so that nothing is counted twice."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from segstudio.storage.key_value import KeyValueFile

VERSION: Final = 2
"""Grows when the same maps would give other figures: what was stored before is not used then."""
_LEVEL: Final = 6


class FigureStore(KeyValueFile):
    """Dictionaries of plain values, as `packed` makes them, by what they were computed from."""


def figure_key(*parts: str) -> bytes:
    """The key of what was computed from these: digests, names of runs, options."""
    import hashlib  # OpenSSL comes with it, which the first window need not wait for

    text = "\0".join((str(VERSION), *parts)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()


def packed(data: Mapping[str, Any]) -> bytes:
    """A dictionary of plain values as few bytes."""
    return zlib.compress(json.dumps(data, separators=(",", ":")).encode(), _LEVEL)


def unpacked(content: bytes) -> dict[str, Any] | None:
    """The inverse of `packed`; None if it is something else."""
    try:
        data = json.loads(zlib.decompress(content))
    except (zlib.error, ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
