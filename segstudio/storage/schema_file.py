"""`segstudio.json`: the classes of a folder."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from segstudio.core.class_rules import ClassRule
from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import read_json, read_json_or, read_object
from segstudio.core.regular_file import is_regular
from segstudio.core.schema import LabelSchema
from segstudio.core.text import utf8_json
from segstudio.storage.atomic import make_folder
from segstudio.storage.image_ref import ImageList
from segstudio.storage.write_root import WriteRoot

_log = logging.getLogger(__name__)

SCHEMA_NAME = "segstudio.json"
_RULES = "class_mappings"
_CORRECTIONS = "corrections"
_CORRECTION_FOLDERS = ("annotations", "corrections")
AS_CORRECTIONS: Mapping[str, object] = {_CORRECTIONS: True}
"""The entry that makes a folder one of corrections of ground truth that lies elsewhere."""
_MAX_FOLDERS = 32


@dataclass
class SeenClasses:
    """What the `segstudio.json` of a data set said when they were read or written last.

    It belongs to whoever writes them: one thread at a time.

    Attributes:
        at: The classes in each file.
        read: Those that were taken for the data set's, wherever they were found.
        foreign: Files that were not written, since another program had changed them meanwhile.
    """

    at: dict[Path, LabelSchema] = field(default_factory=dict)
    read: LabelSchema | None = None
    foreign: set[Path] = field(default_factory=set)

    @classmethod
    def of(cls, paths: Iterable[Path]) -> SeenClasses:
        """Look at files now; what is missing or damaged is as if it had not been there."""
        found = ((path, _schema_or_none(path)) for path in paths)
        return cls({path: schema for path, schema in found if schema is not None})

    def may_replace(self, path: Path, schema: LabelSchema) -> bool:
        """Whether nobody's change is lost when these classes are written; else it is `foreign`.

        A file that was not looked at before may say what another one of the data set said.
        """
        there = _schema_or_none(path)
        if there is None:
            may = not is_regular(path) or _has_no_classes(path)
        else:
            known = [self.at[path]] if path in self.at else [self.read, *self.at.values()]
            may = there == schema or there in known
        (self.foreign.discard if may else self.foreign.add)(path)
        return may


def _schema_or_none(path: Path) -> LabelSchema | None:
    try:
        return read_schema(path)
    except SegstudioError:
        return None


def _has_no_classes(path: Path) -> bool:
    data = read_json_or(path, None)
    return isinstance(data, dict) and "classes" not in data


def read_schema(path: Path) -> LabelSchema:
    """The classes in a `segstudio.json`.

    Raises:
        SegstudioError: if it cannot be read or is damaged; names the file.
    """
    try:
        data = read_json(path)
    except OSError as error:
        raise SegstudioError(
            f"The class list {path} cannot be read ({error.strerror or error}).",
            "Check that the file is there and that you may read it.",
        ) from error
    except ValueError as error:
        raise SegstudioError(
            f"The class list {path} is damaged ({error}).",
            "Mend it in a text editor, or move it away to have one made from the masks.",
        ) from error
    if not isinstance(data, dict):
        raise SegstudioError(
            f"The class list {path} is not a JSON object.", 'It needs a list under "classes".'
        )
    try:
        schema = LabelSchema.from_json(data)
    except SegstudioError as error:
        raise SegstudioError(f"{path}: {error.message}", error.hint) from error
    return replace(schema, rules=tuple(rule for _, rule in _rules_in(data) if rule is not None))


def read_entry(folder: Path, name: str) -> object:
    """What else the `segstudio.json` of a folder holds under a name; None if nothing."""
    return read_object(folder / SCHEMA_NAME).get(name)


def holds_corrections(folder: Path) -> bool:
    """Whether a folder holds corrections of ground truth that lies elsewhere.

    Asked for every image of a folder, so the file is read only when it has changed.
    """
    path = folder / SCHEMA_NAME
    try:
        status = path.stat()
    except OSError:
        return False
    return _marks_corrections(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _marks_corrections(path: Path, _changed_ns: int, _size: int) -> bool:
    return read_object(path).get(_CORRECTIONS) is True


def corrections_name(root: Path) -> str:
    """The folder of a data set for corrections: `annotations`, unless its ground truth lies there."""
    for name in _CORRECTION_FOLDERS:
        folder = f"{root}/{name}"
        if not os.access(folder, os.F_OK) or holds_corrections(Path(folder)):
            return name
    return _CORRECTION_FOLDERS[-1]


def mark_corrections(folder: Path, root: WriteRoot) -> None:
    """Make a folder one of corrections, whose classes are those of what is corrected.

    Raises:
        SegstudioError: if it cannot be written.
    """
    if not holds_corrections(folder):
        entries = read_object(folder / SCHEMA_NAME) | dict(AS_CORRECTIONS)
        root.make_folder(folder)
        root.write(folder / SCHEMA_NAME, (json.dumps(entries, indent=2) + "\n").encode())


def write_schema(
    folder: Path,
    schema: LabelSchema,
    root: WriteRoot | None = None,
    entries: Mapping[str, object] | None = None,
    seen: SeenClasses | None = None,
) -> Path:
    """Write the classes to `segstudio.json` in a folder, which is made if missing.

    What else the file holds is kept. Nothing is written if nothing would change.

    Args:
        folder: Where.
        schema: The classes.
        root: The data set's folder, which is not made and not left; None if `folder` was chosen
            to be written to.
        entries: What else is written into it; None in place of a value removes an entry.
        seen: A file that another program changed since is left as it is, and `seen.foreign`;
            None: whatever it says is replaced.

    Raises:
        SegstudioError: if it cannot be written.
    """
    path = folder / SCHEMA_NAME
    if seen is not None and not seen.may_replace(path, schema):
        return path
    others = read_object(path) | dict(entries or {})
    others = {name: value for name, value in others.items() if value is not None}
    rules = _merged_rules(others.pop(_RULES, None), schema.rules)
    data = {**others, **schema.to_json(), **({_RULES: rules} if rules else {})}
    content = utf8_json(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    if root is None:
        make_folder(folder)
    else:
        root.make_folder(folder)
    if not _holds(path, content):
        (root or WriteRoot(folder)).write(path, content)
    if seen is not None:
        seen.at[path] = schema
    return path


def _holds(path: Path, content: bytes) -> bool:
    try:
        return is_regular(path) and path.read_bytes() == content
    except OSError:
        return False


def unread_rules(path: Path) -> str:
    """One sentence about the class mappings of a `segstudio.json` that mean nothing, or ""."""
    data = read_json_or(path, None)
    rules = _rules_in(data) if isinstance(data, dict) else []
    wrong = [number for number, (_, rule) in enumerate(rules, 1) if rule is None]
    if isinstance(data, dict) and not isinstance(data.get(_RULES, []), list):
        wrong, rules = [0], []
    if not wrong:
        return ""
    which = f"entry {wrong[0]} of {len(rules)}" if wrong[0] else "it is no list"
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f'{path} has class mappings that cannot be used, "{_RULES}" ({which}{more}): the rest of it counts.'


def find_schema_file(home: Path, images_root: Path, images: ImageList) -> Path | None:
    """The `segstudio.json` that has the classes of a data set: the first at its usual places.

    Looked for in the folder of corrections if there is one, then in `masks/` (where segstudio
    writes it else) and directly, in the data set's folder, the images' folder and each sub-folder
    with images.
    """
    corrections = home / corrections_name(home)
    if holds_corrections(corrections) and read_entry(corrections, "classes") is not None:
        return corrections / SCHEMA_NAME
    for folder in dict.fromkeys((home, images_root, *_image_folders(images_root, images.names))):
        for path in (folder / "masks" / SCHEMA_NAME, folder / SCHEMA_NAME):
            if path.is_file():
                return path
    return None


def _image_folders(root: Path, names: Iterable[str]) -> list[Path]:
    folders: dict[str, None] = {}
    for name in names:
        if "/" in name:
            folders.setdefault(name.rpartition("/")[0])
            if len(folders) >= _MAX_FOLDERS:
                break
    return [root / folder for folder in folders]


def _rules_in(data: Mapping[str, Any]) -> list[tuple[object, ClassRule | None]]:
    """The entries of the class mappings, each with its rule; None for what is not understood."""
    entries = data.get(_RULES)
    return [(entry, _rule_of(entry)) for entry in entries] if isinstance(entries, list) else []


def _rule_of(entry: object) -> ClassRule | None:
    if not isinstance(entry, dict):
        return None
    try:
        return ClassRule.from_json(entry)
    except ValueError as error:
        _log.warning("An entry of %s is passed over: %s", _RULES, error)
        return None


def _merged_rules(old: object, rules: Iterable[ClassRule]) -> list[object]:
    """The rules as JSON; what another version wrote into or beside them stays."""
    before = _rules_in({_RULES: old})
    merged: list[object] = [entry for entry, rule in before if rule is None]
    for rule in rules:
        known = next((e for e, r in before if r is not None and r.is_for(rule.model)), {})
        merged.append({**(known if isinstance(known, dict) else {}), **rule.to_json()})
    return merged
