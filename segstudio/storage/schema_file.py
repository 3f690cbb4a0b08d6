"""`segstudio.json`: the classes of a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.storage.atomic import make_folder, write_atomically
from segstudio.storage.image_ref import ImageList

SCHEMA_NAME = "segstudio.json"
_MAX_FOLDERS = 32


def read_schema(path: Path) -> LabelSchema:
    """The classes in a `segstudio.json`.

    Raises:
        SegstudioError: if it cannot be read or is damaged; names the file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
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
        return LabelSchema.from_json(data)
    except SegstudioError as error:
        raise SegstudioError(f"{path}: {error.message}", error.hint) from error


def write_schema(folder: Path, schema: LabelSchema) -> Path:
    """Write the classes to `segstudio.json` in a folder, which is made if missing.

    What else the file holds is kept. Nothing is written if nothing would change.

    Raises:
        SegstudioError: if it cannot be written.
    """
    path = folder / SCHEMA_NAME
    data = {**_other_entries(path), **schema.to_json()}
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    make_folder(folder)
    try:
        if path.read_text(encoding="utf-8") == text:
            return path
    except (OSError, ValueError):
        pass
    write_atomically(path, text.encode())
    return path


def find_schema(home: Path, images_root: Path, images: ImageList) -> LabelSchema | None:
    """The classes of a data set, from the first `segstudio.json` at its usual places.

    Looked for in `masks/` (where segstudio writes it) and directly, in the data set's folder, the
    images' folder and each sub-folder with images.

    Raises:
        SegstudioError: if one is found and damaged.
    """
    for folder in dict.fromkeys((home, images_root, *_image_folders(images_root, images.names))):
        for path in (folder / "masks" / SCHEMA_NAME, folder / SCHEMA_NAME):
            if path.is_file():
                return read_schema(path)
    return None


def _image_folders(root: Path, names: Iterable[str]) -> list[Path]:
    folders: dict[str, None] = {}
    for name in names:
        if "/" in name:
            folders.setdefault(name.rpartition("/")[0])
            if len(folders) >= _MAX_FOLDERS:
                break
    return [root / folder for folder in folders]


def _other_entries(path: Path) -> dict[str, object]:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
