"""Class names in the files that other programs keep them in."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import parse_json
from segstudio.core.regular_file import check_regular
from segstudio.core.schema import ClassSpec, Color, distinct_color
from segstudio.storage.schema_file import read_schema

_MOST: Final = 256
_MAX_BYTES: Final = 1 << 20
_FEWEST_IDS: Final = 2
_JSON_KEYS: Final = ("categories", "label_map", "id2label", "names", "classes")
_HINT: Final = "Mend it in a text editor; one class name a line will do."
_IGNORED: Final = frozenset({"__ignore__", "_ignore_"})
"""What labelme calls pixels of no class; it stands before class 0."""
_GROUND: Final = frozenset({"_background_", "__background__"})
_CVAT: Final = re.compile(r"(.+):(?:(\d+),(\d+),(\d+))?:[^:]*:[^:]*")
"""`name:r,g,b:parts:actions`, as in the `labelmap.txt` of CVAT and Datumaro."""
_CVAT_HEAD: Final = re.compile(r"#\s*label:")
_ID_AND_NAME: Final = re.compile(r"(\d{1,6})(?:\s*[\t:,;=]\s*|(\s+))(.+)")
"""`0<TAB>background`, `0: background`, `0 background`."""
_NAME_AND_ID: Final = re.compile(r"(.+?)\s*[\t:,;=]\s*(\d{1,6})")
"""`background: 0`, the other way round."""
_COLOR_AND_NAME: Final = re.compile(r"(\d{1,3}) +(\d{1,3}) +(\d{1,3})\s+(\D.*)")
"""`64 128 64<TAB>Animal`, as in the `label_colors.txt` of CamVid."""
_NAME_AND_COLOR: Final = re.compile(
    r"(.*[^\d\s].*?)[\s,;:]+(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})"
)
"""`0 background 0 0 0`, `wall: 120, 120, 120`."""
_NAME_COLUMNS: Final = ("name", "class_name", "label_name", "class", "label")
_ID_COLUMNS: Final = ("id", "index", "idx", "class_id", "label_id", "value")
_COLOR_COLUMNS: Final = (("r", "g", "b"), ("red", "green", "blue"))

_YAML_KEY: Final = re.compile(
    r"""(\s*)['"]?(?:names['"]?\s*:\s*(.*)"""
    r"""|(?:classes|class_names|labels|label_map)['"]?\s*:\s*([\[{#].*|))"""
)
"""`names:`; of the other keys a class may be called so, unless a list follows."""
_YAML_BY_ID: Final = re.compile(r"""(?:-(?:\s+|$)|['"]?(\d{1,6})['"]?\s*:(?:\s+|$))(.*)""")
"""`- cell`, `1: cell`."""
_YAML_BY_NAME: Final = re.compile(r"(.+?)\s*:\s+(\d{1,6})")
"""`cell: 1`."""
_YAML_OPENS: Final = frozenset("[{,:-")
"""What a quotation may follow; elsewhere a quotation mark is an apostrophe."""


_Named = tuple[int | None, str, Color | None]
"""An id if the file says it, a name, a colour if the file says it."""


def read_class_names(path: Path) -> tuple[ClassSpec, ...]:
    """The classes in a file of another program.

    Text with one name a line in the order of the ids, as they stand there: `#1 tumour` is a name,
    only lines at the top that begin with `# ` are a comment. Lines may also be `id<TAB>name` or
    `id: name`, or `name: id` where the ids count up from 0 or 1; those of CVAT's `labelmap.txt` or
    of CamVid's `label_colors.txt`, names with the colour behind them, the `names:` of YOLO's `data.yaml`, or a table whose first line
    names its columns. The `__ignore__` of labelme's `labels.txt` is none of the classes. Or JSON: a
    `segstudio.json`, the categories of COCO, Datumaro's `dataset_meta.json`, the `id2label` of
    Hugging Face, a list of names.

    Raises:
        SegstudioError: if it cannot be read, is in no encoding of Unicode, or holds no names, more
            than 256, or ids that are twice there or above 255.
    """
    check_regular(path)
    text = _text(path)
    if text.lstrip().startswith(("{", "[")):
        entries = _of_json(path, text)
        if entries is None:
            return read_schema(path).classes
    else:
        try:
            entries = _named_in_yaml(text.splitlines())
            if entries is None:
                entries = _of_text([line.strip() for line in text.splitlines()])
        except ValueError as error:
            raise SegstudioError(f"{path} is no list of classes: {error}.", _HINT) from error
    if not entries or len(entries) > _MOST:
        found = "no class name" if not entries else f"{len(entries)} lines"
        raise SegstudioError(
            f"{path} holds {found}.", f"It needs one name a line, {_MOST} at most."
        )
    return _specs(path, entries)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SegstudioError(
            f"The class list {path} cannot be read ({error.strerror or error}).",
            "Check that the file is there and that you may read it.",
        ) from error
    if len(data) > _MAX_BYTES:
        raise SegstudioError(f"{path} is too long for a class list.", "Give a smaller file.")
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
        if "\0" in text:
            raise UnicodeError("it holds zeros")
    except UnicodeError as error:
        raise SegstudioError(
            f"{path} is not a text file in UTF-8.",
            "Save it as UTF-8 in a text editor; it needs one class name a line.",
        ) from error
    return text


def _of_json(path: Path, text: str) -> list[_Named] | None:
    """The classes of JSON; None if it is a `segstudio.json`."""
    try:
        data: Any = parse_json(text)
    except ValueError as error:
        raise SegstudioError(
            f"The class list {path} is damaged ({error}).",
            "Mend it in a text editor.",
        ) from error
    colors: Any = None
    if isinstance(data, dict):
        classes = data.get("classes", 0)
        if classes is None or (
            isinstance(classes, list) and all(isinstance(c, dict) for c in classes)
        ):
            return None
        colors = data.get("segmentation_colors")
        data = next((data[k] for k in _JSON_KEYS if k in data), data)
    try:
        entries = list(data.items()) if isinstance(data, dict) else list(enumerate(data))
        if isinstance(data, dict) and _count_up(list(data.values())):
            entries = [(number, name) for name, number in entries]
        found = [_json_entry(key, value) for key, value in entries]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise SegstudioError(
            f"{path} is no list of classes.",
            'It needs names, or entries with "id" and "name".',
        ) from error
    if isinstance(colors, list) and len(colors) == len(found):
        found = [(i, n, c or _color(rgb)) for (i, n, c), rgb in zip(found, colors, strict=True)]
    return found


def _count_up(numbers: Sequence[Any]) -> bool:
    """Whether numbers are ids as programs give them: all from 0 or 1 on, in any order."""
    if len(numbers) < _FEWEST_IDS or not all(type(n) is int for n in numbers):
        return False
    return min(numbers) in (0, 1) and sorted(numbers) == list(
        range(min(numbers), min(numbers) + len(numbers))
    )


def _json_entry(key: str | int, value: Any) -> _Named:
    if isinstance(value, str):
        return int(key), value, None
    if not isinstance(value["name"], str):
        raise TypeError("a name is no text")
    return int(value.get("id", key)), value["name"], _color(value.get("color"))


def _color(value: Any) -> Color | None:
    if not (isinstance(value, list) and len(value) == 3 and all(type(v) is int for v in value)):
        return None
    red, green, blue = (min(255, max(0, v)) for v in value)
    return (red, green, blue)


def _of_text(lines: Sequence[str]) -> list[_Named]:
    if any(_CVAT_HEAD.match(line) for line in lines):
        return [_of_cvat(line) for line in lines if line and not line.startswith("#")]
    kept = _without_head([line for line in lines if line])
    if kept and all(_CVAT.fullmatch(line) for line in kept):
        return [_of_cvat(line) for line in kept]
    return (
        _of_table(kept)
        or _with_colors(kept)
        or _with_colors_behind(kept)
        or _with_ids(kept)
        or _with_ids_behind(kept)
        or [_of_cvat(line, bare=False) for line in kept]
    )


def _without_head(lines: list[str]) -> list[str]:
    """The lines without a comment at the top; further down, a name would be lost without a word."""
    start = next((i for i, line in enumerate(lines) if not re.match(r"#(\s|$)", line)), len(lines))
    return lines[start:]


def _of_cvat(line: str, *, bare: bool = True) -> _Named:
    """A line of a label map; where it may be something else, only one with a colour is."""
    match = _CVAT.fullmatch(line)
    if match is None or (match[2] is None and not bare):
        return None, line, None
    name, *rgb = match.groups()
    color = None if rgb[0] is None else _color([int(value) for value in rgb])
    return None, name.strip(), color


def _with_ids(lines: Sequence[str]) -> list[_Named]:
    """The lines as ids and names; empty if they are not all so.

    "2 cells" is a name: ids that only a space parts from their names must count up from 0 or 1.
    """
    matches = [_ID_AND_NAME.fullmatch(line) for line in lines]
    found = [(int(m[1]), m[3].strip(), m[2] is not None) for m in matches if m is not None]
    if len(found) < len(lines) or not found:
        return []
    ids = [number for number, _, _ in found]
    spaced = any(by_space for _, _, by_space in found)
    if spaced and (len(ids) < 2 or ids != list(range(ids[0], ids[0] + len(ids))) or ids[0] > 1):
        return []
    return [(number, name, None) for number, name, _ in found]


def _with_ids_behind(lines: Sequence[str]) -> list[_Named]:
    """The lines as names and ids; empty unless the ids count up: `a:b` and `scale: 4` are names."""
    matches = [_NAME_AND_ID.fullmatch(line) for line in lines]
    found = [(int(m[2]), m[1].strip()) for m in matches if m is not None]
    if len(found) < len(lines) or not _count_up([number for number, _ in found]):
        return []
    if len({name for _, name in found}) < len(found):
        return []  # grade:1, grade:2
    return [(number, name, None) for number, name in found]


def _with_colors(lines: Sequence[str]) -> list[_Named]:
    """The lines as colours and names; empty if they are not all so."""
    matches = [_COLOR_AND_NAME.fullmatch(line) for line in lines]
    found = [m for m in matches if m is not None]
    if len(found) < len(lines):
        return []
    return [(None, m[4].strip(), _color([int(m[1]), int(m[2]), int(m[3])])) for m in found]


def _with_colors_behind(lines: Sequence[str]) -> list[_Named]:
    """The lines as names, perhaps with ids, and colours; empty if they are not all so.

    No two classes have one colour: `grade 1 2 3` may be a name.
    """
    matches = [_NAME_AND_COLOR.fullmatch(line) for line in lines]
    found = [m for m in matches if m is not None]
    colors = [tuple(int(m[i]) for i in (2, 3, 4)) for m in found]
    if len(found) < max(len(lines), _FEWEST_IDS) or len({*colors}) < len(colors):
        return []
    if max(map(max, colors)) > 255:
        return []
    heads = [m[1].strip(" \t,;:") for m in found]
    named = _with_ids(heads) or [(None, head, None) for head in heads]
    return [(i, name, _color([*rgb])) for (i, name, _), rgb in zip(named, colors, strict=True)]


def _of_table(lines: Sequence[str]) -> list[_Named]:
    """The rows of a table with a column of names and others of ids or colours; empty if it is none.

    Raises:
        ValueError: if a row has no name, or something else where an id or a colour should be.
    """
    if not lines:
        return []
    mark = next((mark for mark in "\t;," if mark in lines[0]), ",")
    columns = [name.strip().casefold() for name in next(csv.reader(lines[:1], delimiter=mark))]
    name_at = next((columns.index(n) for n in _NAME_COLUMNS if n in columns), None)
    id_at = next((columns.index(n) for n in _ID_COLUMNS if n in columns), None)
    rgb = next((c for c in _COLOR_COLUMNS if set(c) <= set(columns)), None)
    if name_at is None or (id_at is None and rgb is None):
        return []
    found: list[_Named] = []
    for number, row in enumerate(csv.reader(lines[1:], delimiter=mark), 2):
        if len(row) != len(columns) or not row[name_at].strip():
            raise ValueError(f"row {number} has not the columns {', '.join(columns)}")
        try:
            color = None if rgb is None else _color([int(row[columns.index(c)]) for c in rgb])
            class_id = None if id_at is None else int(row[id_at])
        except ValueError:
            raise ValueError(f"row {number} has text where a number should be") from None
        found.append((class_id, row[name_at].strip(), color))
    return found


def _named_in_yaml(lines: Sequence[str]) -> list[_Named] | None:
    """The entries under `names:` (or `classes:` and the like), None if there is no such key.

    As a list or by id, on one line or on several; names may be in quotation marks.

    Raises:
        ValueError: if a list is not closed, or has something else among its names.
    """
    for at, line in enumerate(lines):
        if (found := _YAML_KEY.fullmatch(line.rstrip())) is not None:
            first = _without_comment(found[2] or found[3] or "").strip()
            if first:
                return list(_yaml_on_one_line(first, lines[at + 1 :]))
            block = list(_yaml_block(lines[at + 1 :], len(found[1])))
            if block or found[2] is not None:
                return [_yaml_entry(item) for item in block]
    return None


def _without_comment(text: str) -> str:
    """A line without its comment, which begins with a # after a space and outside of quotes."""
    for at, (char, quoted) in enumerate(_quoting(text)):
        if char == "#" and not quoted and (at == 0 or text[at - 1].isspace()):
            return text[:at]
    return text


def _quoting(text: str) -> Iterator[tuple[str, bool]]:
    """The characters, and whether each is inside of quotation marks or one of them."""
    quote = last = before = ""
    for char in text:
        if quote:
            yield char, True
            if char == quote and not (quote == '"' and last == "\\"):
                quote = ""
        else:
            if char in "\"'" and (before == "" or before in _YAML_OPENS or last == char):
                quote = char
            yield char, bool(quote)
        last = char
        before = before if char.isspace() else char


def _yaml_block(lines: Sequence[str], indent: int) -> Iterator[str]:
    """The lines that belong to a key: further in, or items at its own place."""
    for line in lines:
        text = _without_comment(line).strip()
        if not text:
            continue
        inside = len(line) - len(line.lstrip())
        if inside < indent or (inside == indent and not text.startswith("-")):
            return
        yield text


def _yaml_on_one_line(first: str, further: Sequence[str]) -> Iterator[_Named]:
    text = first
    if text[0] not in "[{":
        yield None, _unquoted(text), None
        return
    for line in further:
        if text.endswith(("]", "}")):
            break
        text += f" {_without_comment(line).strip()}"
    if not text.endswith("]" if text[0] == "[" else "}"):
        raise ValueError("its list of names is not closed")
    inner, part = text[1:-1], ""
    for char, quoted in (*_quoting(inner), (",", False)):
        if char != "," or quoted:
            part += char
            continue
        if part.strip():
            yield (
                _yaml_entry(part.strip())
                if text[0] == "{"
                else (None, _unquoted(part.strip()), None)
            )
        part = ""


def _yaml_entry(text: str) -> _Named:
    if (found := _YAML_BY_ID.fullmatch(text)) is not None:
        return None if found[1] is None else int(found[1]), _unquoted(found[2]), None
    if (found := _YAML_BY_NAME.fullmatch(text)) is not None:
        return int(found[2]), _unquoted(found[1]), None
    raise ValueError(f"“{text}” has no id")


def _unquoted(name: str) -> str:
    if len(name) > 1 and name[0] == name[-1] == "'":
        return name[1:-1].replace("''", "'")
    if len(name) > 1 and name[0] == name[-1] == '"':
        return name[1:-1].replace('\\"', '"')
    return name


def _specs(path: Path, entries: Iterable[_Named]) -> tuple[ClassSpec, ...]:
    specs: dict[int, ClassSpec] = {}
    for number, name, color in entries:
        if name.casefold() in _IGNORED:
            continue
        class_id = len(specs) if number is None else number
        if class_id in specs or not 0 <= class_id < _MOST:
            what = "is there twice" if class_id in specs else "is above 255"
            raise SegstudioError(
                f"The id {class_id} in {path} {what}.",
                "Give each class an id of its own, 0 to 255.",
            )
        name = "background" if name.casefold() in _GROUND else name
        specs[class_id] = ClassSpec(class_id, name, color or distinct_color(class_id))
    return tuple(specs.values())
