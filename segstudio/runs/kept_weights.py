"""The user's own weights and what is known of them: a list that outlives the program.

A file is known by its content (SHA-256), so that it is the same one after it was moved or renamed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.core.text import utf8_json
from segstudio.models.onnx_file import data_files_at
from segstudio.models.registry import spec_from_metadata
from segstudio.models.weights import content_digest
from segstudio.storage.atomic import make_folder, write_atomically
from segstudio.storage.damaged import Tell, keep_copy, not_told, read_list
from segstudio.storage.folders import UserFolders

_SHA256_DIGITS: Final = 64
State = Literal["here", "changed", "missing"]


@dataclass(frozen=True)
class KeptWeights:
    """One file of weights of the user's own.

    Attributes:
        spec: The model; its weights tell path, size and the whole SHA-256.
        modified_ns: When the file was changed last, as it was when its digest was taken.
        tensors: How many tensors of the network the file fills; 0 if nobody looked.
    """

    spec: ModelSpec
    modified_ns: int = 0
    tensors: int = 0

    @property
    def file(self) -> WeightsFile:
        """Its file."""
        assert self.spec.weights is not None
        return self.spec.weights

    @property
    def path(self) -> Path:
        """Where it lies, or lay."""
        return Path(self.file.filename)

    @property
    def state(self) -> State:
        """Whether the file is as it was when it was opened last; looks at size and time only."""
        stamp = file_stamp(self.path)
        if stamp is None:
            return "missing"
        return "here" if stamp == (self.file.size, self.modified_ns) else "changed"

    def at(self, path: Path) -> KeptWeights:
        """The same content in another place."""
        size, modified_ns = file_stamp(path) or (self.file.size, self.modified_ns)
        file = replace(self.file, filename=str(path), size=size)
        return replace(self, spec=replace(self.spec, weights=file), modified_ns=modified_ns)


def own_weights_file(folders: UserFolders) -> Path:
    """Where the list is kept."""
    return folders.data / "own-weights.json"


def file_stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of change in nanoseconds; None if there is no such file.

    Of an ONNX model those of the files with its weights count too.
    """
    try:
        stats = [path.stat()]
    except (OSError, ValueError):
        return None
    if path.suffix.casefold() == ".onnx":
        try:
            beside = data_files_at(path, stats[0].st_size, stats[0].st_mtime_ns)
            stats += [each.stat() for each in beside]
        except (OSError, SegstudioError):
            pass  # running it says what is wrong with it
    return sum(each.st_size for each in stats), max(each.st_mtime_ns for each in stats)


def kept_as(spec: ModelSpec, check: Callable[[], None], tensors: int = 0) -> KeptWeights:
    """An entry for a file that was just recognised; reads it for its digest if that is not known.

    Raises:
        SegstudioError: if it cannot be read.
    """
    path = Path(spec.own_file)
    stamp = file_stamp(path)
    try:
        digest = (spec.weights and spec.weights.sha256) or content_digest(path, check)
    except OSError as error:
        raise SegstudioError(
            f"{path} cannot be read ({error.strerror or error}).", "Check that the file is there."
        ) from error
    size, modified_ns = stamp or (0, 0)
    file = WeightsFile(str(path), "", digest, size)
    return KeptWeights(replace(spec, weights=file, questions=()), modified_ns, tensors)


def same_content(kept: Iterable[KeptWeights], digest: str) -> KeptWeights | None:
    """The entry for a file of this SHA-256, or None."""
    return next((entry for entry in kept if entry.file.sha256 == digest), None)


def free_id(wanted: str, taken: Collection[str]) -> str:
    """An id for a file's model that no other model has."""
    if wanted not in taken:
        return wanted
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"


def free_title(wanted: str, taken: Iterable[str]) -> str:
    """A name for people that no other model has."""
    known = {title.casefold() for title in taken}
    number, free = 1, wanted
    while free.casefold() in known:
        number += 1
        free = f"{wanted} {number}"
    return free


def with_kept(models: Mapping[str, ModelSpec], kept: Iterable[KeptWeights]) -> dict[str, ModelSpec]:
    """The models and those of the list; an id that a package has taken since gets a number."""
    found = dict(models)
    for entry in kept:
        name = free_id(entry.spec.id, found)
        found[name] = replace(entry.spec, id=name)
    return found


def known_file(path: Path, kept: Iterable[KeptWeights]) -> ModelSpec | None:
    """The model in a file, as the user described it; None if nobody did.

    Args:
        path: The file, which may be missing.
        kept: The list.
    """
    path = path.expanduser().resolve()
    entries = [*kept]
    here = next((e for e in entries if e.path == path and e.state == "here"), None)
    if here is not None:
        return here.spec
    if not entries or not path.is_file():
        return None
    try:
        known = same_content(entries, content_digest(path))
    except OSError:
        return None
    return None if known is None else known.at(path).spec


def read_kept(path: Path, tell: Tell = not_told) -> list[KeptWeights]:
    """The list; entries that make no sense are left out, as is a missing file.

    A file that is no list of weights is kept beside as `.damaged`, as is a copy of one from which
    entries are left out: they are gone from it when the list is written next.
    """
    found: dict[str, KeptWeights] = {}
    entries = read_list(path, "the weights of your own in it are not listed", tell)
    for entry in entries:
        kept = _accepted(entry)
        if kept is not None:
            found.setdefault(kept.spec.id, kept)
    if len(found) < len(entries):
        keep_copy(path, len(entries) - len(found), len(entries), tell)
    return [*found.values()]


def write_kept(path: Path, kept: Iterable[KeptWeights]) -> None:
    """Write the whole list.

    Raises:
        SegstudioError: if it cannot be written.
    """
    make_folder(path.parent)
    text = json.dumps([_as_json(entry) for entry in kept], indent=2, ensure_ascii=False)
    write_atomically(path, utf8_json(f"{text}\n"))


def _as_json(entry: KeptWeights) -> dict[str, Any]:
    spec = entry.spec
    return {
        "id": spec.id,
        "title": spec.title,
        "path": entry.file.filename,
        "sha256": entry.file.sha256,
        "size": entry.file.size,
        "modified_ns": entry.modified_ns,
        "tensors": entry.tensors,
        "family": spec.family,
        "task": spec.task,
        "schema": spec.schema.to_json(),
        "builder": spec.builder,
        "options": dict(spec.options),
        "preprocess": dict(spec.preprocess),
        "licence": spec.licence,
        "summary": spec.description,
        "metrics": dict(spec.metrics),
        "output": spec.output.to_json(),
    }


def _accepted(entry: Any) -> KeptWeights | None:
    try:
        path, digest = str(entry["path"]), str(entry["sha256"]).lower()
        file = WeightsFile(path, "", digest, int(entry["size"]))
        spec = spec_from_metadata(entry, file, path)
        kept = KeptWeights(spec, int(entry["modified_ns"]), int(entry.get("tensors", 0)))
    except (KeyError, TypeError, ValueError, AttributeError, SegstudioError):
        return None
    is_digest = len(digest) == _SHA256_DIGITS and not set(digest) - set("0123456789abcdef")
    return kept if is_digest and spec.own_file and spec.id and spec.title else None
