"""Prefixes that training frameworks put before the names of a network's tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

T = TypeVar("T")

PREFIXES: Final = ("module.", "_orig_mod.", "model.", "net.", "network.")
_SHARE: Final = 0.9


def without_prefixes(entries: Mapping[str, T]) -> dict[str, T]:
    """Drop the prefixes of DataParallel, torch.compile, Lightning and the like.

    A prefix goes if nearly all names share it; the few that do not (a loss's own tensors) are
    left out.
    """
    kept = dict(entries)
    while True:
        for prefix in PREFIXES:
            inner = {k[len(prefix) :]: v for k, v in kept.items() if k.startswith(prefix)}
            if inner and len(inner) > _SHARE * len(kept):
                kept = inner
                break
        else:
            return kept
