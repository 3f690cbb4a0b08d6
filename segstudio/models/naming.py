"""How the tensors of a checkpoint are called: what frameworks put before the names of a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeVar

T = TypeVar("T")

PREFIXES: Final = ("module.", "_orig_mod.", "model.", "net.", "network.")
"""What DataParallel, torch.compile, Lightning and training scripts put before every name."""
COUNTERS: Final = ("total_ops", "total_params", "n_averaged")
"""Buffers that the profiler thop leaves in every layer, and that of torch's `AveragedModel`; no
network reads them."""
_SHARE: Final = 0.9
_DEEPEST: Final = 6


def without_prefixes(entries: Mapping[str, T]) -> dict[str, T]:
    """Drop the prefixes of DataParallel, torch.compile, Lightning and the like.

    A prefix goes if nearly all names share it; the few that do not (a loss's own tensors) are
    left out. Those that parallel and compiled modules add go from each name that has them, also
    if others have not. Counters go too.
    """
    kept = {k: v for k, v in entries.items() if k.rsplit(".", 1)[-1] not in COUNTERS}
    kept = _each(kept, _without_wrappers)
    while True:
        for prefix in PREFIXES:
            inner = {k[len(prefix) :]: v for k, v in kept.items() if k.startswith(prefix)}
            if inner and len(inner) > _SHARE * len(kept):
                kept = _each(inner, _without_wrappers)
                break
        else:
            return kept


def variants(entries: Mapping[str, T]) -> Iterator[dict[str, T]]:
    """The entries under the names that a network may have had before it was put into another one.

    First without the prefixes of frameworks; then without the part before the first dot, as long
    as nearly all share it (the attribute or the place that the network had: "unet.", "0."); last
    without any of `PREFIXES` wherever a name begins with one.
    """
    kept = without_prefixes(entries)
    yield kept
    for _ in range(_DEEPEST):
        first, count = Counter(name.partition(".")[0] for name in kept).most_common(1)[0]
        shared = f"{first}."
        inner = {k[len(shared) :]: v for k, v in kept.items() if k.startswith(shared)}
        if not inner or count <= _SHARE * len(kept):
            break
        kept = without_prefixes(inner)
        yield kept
    loose = _each(dict(entries), _without_any)
    if len(loose) == len(entries):
        yield without_prefixes(loose)


def matched(entries: Mapping[str, T], own: Iterable[str]) -> dict[str, T]:
    """The entries under the names of the network that they are for, as far as that can be told.

    Args:
        entries: Of a checkpoint, by name.
        own: The network's names.
    """
    names = set(own)
    shortened = {k: k for k in names}
    best: dict[str, T] = dict(entries)
    score = len(names & best.keys())
    for full in (shortened, *_shorter(shortened)):
        for variant in variants(entries) if entries else ():
            renamed = {full.get(k, k): v for k, v in variant.items()}
            if (found := len(names & renamed.keys())) > score:
                best, score = renamed, found
    return best


def _shorter(names: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A network's own names by what is left of them without the part that all share."""
    kept = dict(names)
    for _ in range(_DEEPEST):
        heads = {name.partition(".")[0] for name in kept}
        if len(heads) != 1 or not all("." in name for name in kept):
            return
        kept = {name.partition(".")[2]: full for name, full in kept.items()}
        yield kept


def _each(entries: dict[str, T], rename: Callable[[str], str]) -> dict[str, T]:
    """The entries renamed one by one; as they are if two would be called the same."""
    renamed = {rename(k): v for k, v in entries.items()}
    return renamed if len(renamed) == len(entries) else entries


def _without_wrappers(name: str) -> str:
    while name.startswith("module."):
        name = name.removeprefix("module.")
    return name.removeprefix("_orig_mod.").replace("._orig_mod.", ".")


def _without_any(name: str) -> str:
    while (prefix := next((p for p in PREFIXES if name.startswith(p)), None)) is not None:
        name = name.removeprefix(prefix)
    return name
