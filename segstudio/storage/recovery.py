"""The last resort: what was not saved when something went wrong, as plain files."""

from __future__ import annotations

import json
import time
from pathlib import Path

from segstudio.core.labels import LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.core.text import cut_to_bytes, utf8_json
from segstudio.storage.atomic import make_folder, write_atomically
from segstudio.storage.formats.png import encode_index_png, encode_instance_png
from segstudio.storage.layout import page_stem


def save_recovery(
    folder: Path, image: Path, label_map: LabelMap, schema: LabelSchema, page: int = 0
) -> Path:
    """Write an unsaved annotation to a folder of its own below `folder`.

    Args:
        folder: The user's recovery folder.
        image: The image that was annotated.
        label_map: The annotation.
        schema: Its classes.
        page: Which page of the image, from 0.

    Returns:
        The new folder: the mask, instance ids where kept, the classes, and the image's path.

    Raises:
        SegstudioError: if it cannot be written.
    """
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    base = f"{stamp}_{page_stem(cut_to_bytes(image.stem, 200), page)}"
    target = folder / base
    number = 1
    while target.exists():
        number += 1
        target = folder / f"{base}_{number}"
    make_folder(target)
    name = f"{image.stem}.png"
    write_atomically(target / name, encode_index_png(label_map.labels, schema.palette()))
    if label_map.instances is not None:
        make_folder(target / "instances")
        write_atomically(target / "instances" / name, encode_instance_png(label_map.instances))
    content = {"image": str(image), "page": page + 1, **schema.to_json()}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(target / "segstudio.json", utf8_json(text))
    return target
