"""The user's named runs: models run with options of their own, and ensembles, as a JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from segstudio.core.prediction import ENSEMBLE_METHODS, EnsembleMethod, RunOptions
from segstudio.core.text import utf8_json
from segstudio.storage.atomic import make_folder, write_atomically
from segstudio.storage.damaged import Tell, keep_copy, not_told, read_list


@dataclass(frozen=True)
class RunDefinition:
    """One named run.

    Attributes:
        id: Its model id.
        title: Its name for people.
        kind: "variant" of one model, or "ensemble" of several.
        members: Ids of the models; one for a variant.
        overrides: For a variant: fields of `RunOptions`.
        method: For an ensemble: "mean", "vote" or "panoptic".
        files: For members from files of the user's own: their weights, by model id.
    """

    id: str
    title: str
    kind: Literal["variant", "ensemble"]
    members: tuple[str, ...]
    overrides: dict[str, Any] = field(default_factory=dict)
    method: EnsembleMethod = "mean"
    files: dict[str, str] = field(default_factory=dict)


def read_definitions(path: Path, tell: Tell = not_told) -> list[RunDefinition]:
    """The definitions in a file; entries that make no sense are left out, as is a missing file.

    A file that is no list of runs is kept beside as `.damaged`, so that the next one written does
    not take its place, and so is a copy of one from which entries are left out.
    """
    entries = read_list(path, "the named runs in it are not there", tell)
    accepted = [found for entry in entries if (found := _accepted(entry)) is not None]
    if len(accepted) < len(entries):
        keep_copy(path, len(entries) - len(accepted), len(entries), tell)
    return accepted


def write_definitions(path: Path, definitions: list[RunDefinition]) -> None:
    """Write them all.

    Raises:
        SegstudioError: if the file cannot be written.
    """
    make_folder(path.parent)
    text = json.dumps([asdict(entry) for entry in definitions], indent=2, ensure_ascii=False)
    write_atomically(path, utf8_json(f"{text}\n"))


def _accepted(entry: Any) -> RunDefinition | None:
    try:
        overrides = {str(key): value for key, value in entry.get("overrides", {}).items()}
        if "scales" in overrides:
            overrides["scales"] = tuple(float(scale) for scale in overrides["scales"])
        if not all(_fits(name, value) for name, value in overrides.items()):
            return None
        found = RunDefinition(
            str(entry["id"]),
            str(entry["title"]),
            entry["kind"],
            tuple(str(member) for member in entry["members"]),
            overrides,
            entry.get("method", "mean"),
            {str(key): str(path) for key, path in entry.get("files", {}).items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    known = found.kind in ("variant", "ensemble") and found.method in ENSEMBLE_METHODS
    return found if known and found.members and found.id and found.title else None


def _fits(name: str, value: Any) -> bool:
    """Whether a value is of the kind that an option of a run has."""
    usual = getattr(RunOptions(), name, None)
    if isinstance(usual, bool) or isinstance(value, bool):
        return isinstance(usual, bool) and isinstance(value, bool)
    if isinstance(usual, float):
        return isinstance(value, int | float)
    return usual is not None and isinstance(value, type(usual))
