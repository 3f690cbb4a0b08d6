"""What the user said of a folder's images and masks, kept with the user, not with the images."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache, partial
from pathlib import Path
from types import NoneType
from typing import Any, Final

from segstudio.core.channel_looks import ChannelLook, ChannelLooks, looks_of
from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import read_json, read_json_or
from segstudio.core.pixel_size import PixelSize, PixelSizes
from segstudio.core.text import utf8_json
from segstudio.core.tones import AS_FOUND, GAMMAS, PLAIN, WIDEST, Contrast, ToneCurve
from segstudio.storage.atomic import make_folder, write_atomically
from segstudio.storage.damaged import refuse_unreadable, set_aside, tell_unusable
from segstudio.storage.mask_meaning import ZEROS, ReadAs
from segstudio.storage.mask_pattern import ChosenMasks, MaskPattern
from segstudio.storage.truth_kinds import KINDS

_READING = "masks.json"
_CHOSEN = "truth.json"
_SOURCES = "sources.json"
_NOTES = "notes.json"
_CONTRAST = "contrast.json"
_CHANNELS = "channels.json"
_PLACE = "place.json"
_PIXEL_SIZES = "pixel-size.json"
_PROVENANCE = "provenance.json"
_SETTLED = "settled.json"
_LISTS: Final = {_SOURCES: "runs", _SETTLED: "settled"}
"""Files with a list for each image, and the entry that has them."""
_LONGEST = 1e7
"""No zoom and no coordinate of an image is as large."""


@dataclass(frozen=True)
class LastPlace:
    """Where a folder was left.

    Attributes:
        image: Name of the image (`ImageRef.name`); "" if none was open.
        page: Its page, from 0.
        layer: What lay over the photo, `session.Layer`; "" if that is not known.
        zoom: Pixels of the screen for one of the image; 0 if the whole image was shown.
        middle_xy: The image point in the middle of the view.
    """

    image: str = ""
    page: int = 0
    layer: str = ""
    zoom: float = 0.0
    middle_xy: tuple[float, float] = (0.0, 0.0)


NOWHERE: Final = LastPlace()


class Mark(StrEnum):
    """What is marked; each has a file of its own, which the value names."""

    REVIEWED = "reviewed"
    FLAGGED = "flagged"
    CORRECTED = "corrected"
    """Annotated while it waited in the work queue."""


_KEPT: tuple[tuple[str, str, type, str], ...] = (
    ("reviewed.json", Mark.REVIEWED, list, "no image counts as done"),
    ("flagged.json", Mark.FLAGGED, list, "no image counts as flagged"),
    ("corrected.json", Mark.CORRECTED, list, "no image counts as corrected"),
    (_NOTES, "notes", dict, "no image has a note"),
    (_SOURCES, "runs", dict, "from which models annotations have pixels is not known"),
    (_SETTLED, "settled", dict, "what was kept against a model is asked about again"),
    (_READING, "asked", list, "how the masks are read is found out again"),
    (_CHOSEN, "folder", str, "masks are looked for beside the images"),
    (_CONTRAST, "folder", str, "images are shown as they are"),
    (_CHANNELS, "channels", list, "channels are shown as the files have them"),
    (_PLACE, "image", str, "the folder opens at its first image"),
    (_PIXEL_SIZES, "images", dict, "the size of pixels is what the files say"),
    ("saving.json", "folder", str, "where corrections go is asked again"),
    ("links.json", "links", dict, "links out of the folder are asked about again"),
    (_PROVENANCE, "kept", bool, "who writes which pixels is kept where it was kept before"),
)
"""Files of the data folder, an entry of theirs and its type, and what follows if one is damaged."""


def load_marked(data_folder: Path, mark: Mark) -> set[str]:
    """Names of the images of a folder that have a mark; empty if there are none.

    Args:
        data_folder: `Project.data_folder`.
        mark: Which mark.
    """
    try:
        names = read_json(_file(data_folder, mark))[mark.value]
        return {name for name in names if isinstance(name, str)}
    except (OSError, ValueError, KeyError, TypeError, SegstudioError):
        return set()


def set_damaged_aside(data_folder: Path) -> tuple[str, ...]:
    """Keep damaged files of marks and choices as `.damaged`: else the next mark replaces them all.

    Single values that mean nothing are told of, and the rest of their file counts.

    Args:
        data_folder: `Project.data_folder`.

    Returns:
        What to say of them.
    """
    told: list[str] = []
    for name, key, kind, follows in _KEPT:
        path = data_folder / name
        try:
            data = read_json(path)
            if not isinstance(data, dict) or not isinstance(data.get(key, kind()), kind):
                raise TypeError("it does not hold what belongs there")
        except FileNotFoundError:
            continue
        except (OSError, SegstudioError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            told.append(f"{path} cannot be read ({why}): {follows}.")
            continue
        except (ValueError, TypeError) as error:
            set_aside(path, error, follows, told.append)
            continue
        unusable = _UNUSABLE[name](data) if name in _UNUSABLE else _unusable_names(data, key)
        tell_unusable(path, unusable, "the rest of it counts", told.append)
    return tuple(told)


def _unusable_names(data: Mapping[str, Any], key: str) -> dict[str, object]:
    """The entry of a list of names, if one of them is none."""
    wrong = [name for name in data.get(key, ()) if not isinstance(name, str)]
    return {key: wrong[0]} if wrong else {}


def _unusable_reading(data: Mapping[str, Any]) -> dict[str, object]:
    """What masks.json says that means nothing."""
    known: dict[str, Iterable[object]] = {
        "kind": (None, *KINDS), "class_0": (None, *ZEROS), "ignored": (None, 255),
    }  # fmt: skip
    wrong = {key: data[key] for key in known if key in data and data[key] not in known[key]}
    return wrong | _unusable_names(data, "asked")


def _unusable_choice(data: Mapping[str, Any]) -> dict[str, object]:
    """What truth.json says that means nothing."""
    wrong = {
        key: value
        for key in ("masks", "pattern")
        if not isinstance(value := data.get(key), (str, NoneType))
    }
    pattern = data.get("pattern")
    if isinstance(pattern, str):
        try:
            MaskPattern(pattern)
        except SegstudioError:
            wrong["pattern"] = pattern
    return wrong


def _unusable_lists(entry: str, data: Mapping[str, Any]) -> dict[str, object]:
    """The images whose entry is no list of names."""
    return {
        key: names
        for key, names in data.get(entry, {}).items()
        if not (isinstance(names, list) and all(isinstance(name, str) for name in names))
    }


def _unusable_notes(data: Mapping[str, Any]) -> dict[str, object]:
    """The images of notes.json whose entry is no text."""
    return {k: note for k, note in data.get("notes", {}).items() if not isinstance(note, str)}


def _unusable_contrast(data: Mapping[str, Any]) -> dict[str, object]:
    """What contrast.json says that means nothing."""
    wrong = {key: data.get(key) for key in ("low", "high", "gamma") if not _is_tone(data.get(key))}
    kinds: dict[str, tuple[type, ...]] = {"automatic": (bool, NoneType), "inverted": (bool,)}
    return wrong | {k: data[k] for k in kinds if k in data and not isinstance(data[k], kinds[k])}


def _unusable_channels(data: Mapping[str, Any]) -> dict[str, object]:
    """The entries of channels.json that say nothing of a channel."""
    entries = data.get("channels", [])
    return {f"channel {i}": entry for i, entry in enumerate(entries) if _look(entry) is None}


def _look(entry: object) -> tuple[int, ChannelLook] | None:
    """What an entry of channels.json says; None if that is nothing."""
    if not isinstance(entry, dict):
        return None
    number, on, color = entry.get("channel"), entry.get("on"), entry.get("color")
    limits = [entry.get("low"), entry.get("high")]
    is_color = color is None or (
        isinstance(color, list)
        and len(color) == 3
        and all(isinstance(part, int) and 0 <= part <= 255 for part in color)
    )
    if not isinstance(number, int) or number < 0:
        return None
    if not (is_color and isinstance(on, (bool, NoneType))):
        return None
    if not all(value is None or isinstance(value, (int, float)) for value in limits):
        return None
    low, high = (None if value is None else float(value) for value in limits)
    return number, ChannelLook(on, None if color is None else tuple(color), low, high)


def load_channels(data_folder: Path) -> ChannelLooks:
    """How the user wants the channels of a folder's images shown; as they are if nothing was said.

    Args:
        data_folder: `Project.data_folder`.
    """
    data = read_json_or(data_folder / _CHANNELS, None)
    entries = data.get("channels") if isinstance(data, dict) else None
    found = map(_look, entries if isinstance(entries, list) else [])
    return looks_of(dict(pair for pair in found if pair is not None).items())


def save_channels(data_folder: Path, root: Path, chosen: ChannelLooks) -> None:
    """Write how the user wants the channels of a folder's images shown.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder, for people who look into the file.
        chosen: What was chosen.

    Raises:
        SegstudioError: if it cannot be written.
    """
    entries = [{"channel": number, **asdict(look)} for number, look in chosen.chosen]
    _write(data_folder / _CHANNELS, {"folder": str(root), "channels": entries})


def _unusable_place(data: Mapping[str, Any]) -> dict[str, object]:
    """What place.json says that means nothing."""
    kinds: dict[str, tuple[type, ...]] = {"page": (int,), "layer": (str,)}
    wrong = {k: data.get(k) for k in kinds if not isinstance(data.get(k), kinds[k])}
    numbers = {key: data.get(key) for key in ("zoom", "x", "y")}
    return wrong | {key: n for key, n in numbers.items() if not _is_length(n)}


def _is_length(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) < _LONGEST


def _is_tone(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= WIDEST + GAMMAS[1]


def _unusable_sizes(data: Mapping[str, Any]) -> dict[str, object]:
    """The entries of pixel-size.json that are no size."""
    all_images = {"all": data["all"]} if data.get("all") is not None else {}
    sizes = {**data.get("images", {}), **all_images}
    return {key: size for key, size in sizes.items() if _size(size) is None}


def _size(found: object) -> PixelSize | None:
    is_pair = isinstance(found, list) and len(found) == 2
    return PixelSize.known(*found) if isinstance(found, list) and is_pair else None


_UNUSABLE: Final[dict[str, Callable[[Mapping[str, Any]], dict[str, object]]]] = {
    _CONTRAST: _unusable_contrast,
    _CHANNELS: _unusable_channels,
    _PLACE: _unusable_place,
    _PIXEL_SIZES: _unusable_sizes,
    _PROVENANCE: lambda _data: {},
    _READING: _unusable_reading,
    _CHOSEN: _unusable_choice,
    _NOTES: _unusable_notes,
    **{name: partial(_unusable_lists, entry) for name, entry in _LISTS.items()},
}


def save_marked(data_folder: Path, root: Path, mark: Mark, names: Iterable[str]) -> None:
    """Write which images have a mark.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder that the marks are of, for people who look into the file.
        mark: Which mark.
        names: Names of images (`ImageRef.name`).

    Raises:
        SegstudioError: if it cannot be written.
    """
    content = {"folder": str(root), mark.value: sorted(names)}
    _write(_file(data_folder, mark), content)


def load_read_as(data_folder: Path) -> ReadAs:
    """What the user said of a folder's masks; nothing if that cannot be read.

    Args:
        data_folder: `Project.data_folder`.
    """
    data = _reading(data_folder)
    kind, zero = data.get("kind"), data.get("class_0")
    return ReadAs(
        next((k for k in KINDS if k == kind), None),
        next((z for z in ZEROS if z == zero), None),
        255 if data.get("ignored") == 255 else None,
    )


def load_asked(data_folder: Path) -> frozenset[str]:
    """What the user was asked of a folder's masks (`Doubt.about`)."""
    asked = _reading(data_folder).get("asked")
    return (
        frozenset(a for a in asked if isinstance(a, str))
        if isinstance(asked, list)
        else frozenset()
    )


def save_read_as(data_folder: Path, root: Path, said: ReadAs, asked: Iterable[str]) -> None:
    """Write what the user said of a folder's masks, and was asked of them.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder, for people who look into the file.
        said: What was said.
        asked: What was asked: it is not asked again.

    Raises:
        SegstudioError: if it cannot be written.
    """
    content = {
        "folder": str(root),
        "kind": said.kind,
        "class_0": said.zero,
        "ignored": said.ignored,
        "asked": sorted(asked),
    }
    _write(data_folder / _READING, content)


def load_chosen_masks(data_folder: Path) -> ChosenMasks:
    """The masks that the user chose for a folder; none if that cannot be read.

    Args:
        data_folder: `Project.data_folder`.
    """
    data = read_json_or(data_folder / _CHOSEN, None)
    found = data if isinstance(data, dict) else {}
    masks, pattern = found.get("masks"), found.get("pattern")
    if "pattern" in _unusable_choice(found):
        pattern = None
    return ChosenMasks(
        Path(masks) if isinstance(masks, str) else None,
        MaskPattern(pattern) if isinstance(pattern, str) else None,
    )


def save_chosen_masks(data_folder: Path, root: Path, masks: ChosenMasks) -> None:
    """Write which masks the user chose for a folder; an empty choice forgets the one before.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder, for people who look into the file.
        masks: The choice.

    Raises:
        SegstudioError: if it cannot be written.
    """
    content = {
        "folder": str(root),
        "masks": None if masks.folder is None else str(masks.folder),
        "pattern": None if masks.pattern is None else masks.pattern.text,
    }
    _write(data_folder / _CHOSEN, content)


def load_contrast(data_folder: Path) -> Contrast:
    """How bright the user wants a folder's images shown; as they are if that cannot be read.

    Args:
        data_folder: `Project.data_folder`.
    """
    data = read_json_or(data_folder / _CONTRAST, None)
    found = data if isinstance(data, dict) else {}
    numbers = [found.get(key) for key in ("low", "high", "gamma")]
    if not all(map(_is_tone, numbers)):
        return AS_FOUND
    low, high, gamma = (float(n) for n in numbers if n is not None)
    automatic = found.get("automatic")
    tones = ToneCurve.around((low + high) / 2, high - low).with_gamma(gamma)
    return Contrast(
        PLAIN if (low, high, gamma) == (0.0, 1.0, 1.0) else tones,
        automatic if isinstance(automatic, bool) else None,
        found.get("inverted") is True,
    )


def save_contrast(data_folder: Path, root: Path, chosen: Contrast) -> None:
    """Write how bright the user wants a folder's images shown.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder, for people who look into the file.
        chosen: What was chosen.

    Raises:
        SegstudioError: if it cannot be written.
    """
    content = {
        "folder": str(root),
        "low": chosen.tones.low,
        "high": chosen.tones.high,
        "gamma": chosen.tones.gamma,
        "automatic": chosen.automatic,
        "inverted": chosen.inverted,
    }
    _write(data_folder / _CONTRAST, content)


def load_provenance(data_folder: Path) -> bool | None:
    """Whether the user wants it kept who writes which pixels; None if nothing was said.

    Args:
        data_folder: `Project.data_folder`.
    """
    data = read_json_or(data_folder / _PROVENANCE, None)
    kept = data.get("kept") if isinstance(data, dict) else None
    return kept if isinstance(kept, bool) else None


def save_provenance(data_folder: Path, root: Path, kept: bool) -> None:
    """Write whether the user wants it kept who writes which pixels.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder, for people who look into the file.
        kept: Whether it is.

    Raises:
        SegstudioError: if it cannot be written.
    """
    _write(data_folder / _PROVENANCE, {"folder": str(root), "kept": kept})


def load_pixel_sizes(data_folder: Path) -> PixelSizes:
    """What the user said of the size of the pixels of a folder's images; nothing if unknown.

    Args:
        data_folder: `Project.data_folder`.
    """
    data = read_json_or(data_folder / _PIXEL_SIZES, None)
    found = data if isinstance(data, dict) else {}
    images = found.get("images")
    known = {name: _size(size) for name, size in images.items()} if isinstance(images, dict) else {}
    return PixelSizes(
        _size(found.get("all")), {name: size for name, size in known.items() if size is not None}
    )


def save_pixel_sizes(data_folder: Path, root: Path, said: PixelSizes) -> None:
    """Write what the user said of the size of the pixels of a folder's images.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder, for people who look into the file.
        said: What was said, in micrometres.

    Raises:
        SegstudioError: if it cannot be written.
    """
    content = {
        "folder": str(root),
        "unit": "micrometre",
        "all": None if said.folder is None else [said.folder.across, said.folder.down],
        "images": {name: [size.across, size.down] for name, size in sorted(said.images.items())},
    }
    _write(data_folder / _PIXEL_SIZES, content)


def load_place(data_folder: Path) -> LastPlace:
    """Where the user left a folder; nowhere if that cannot be read.

    Args:
        data_folder: `Project.data_folder`.
    """
    data = read_json_or(data_folder / _PLACE, None)
    if not isinstance(data, dict) or not isinstance(data.get("image"), str):
        return NOWHERE
    if _unusable_place(data):
        return LastPlace(data["image"])
    middle_xy = float(data["x"]), float(data["y"])
    return LastPlace(
        data["image"], max(0, data["page"]), data["layer"], max(0.0, float(data["zoom"])), middle_xy
    )


def save_place(data_folder: Path, root: Path, place: LastPlace) -> None:
    """Write where the user left a folder.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder, for people who look into the file.
        place: Where.

    Raises:
        SegstudioError: if it cannot be written.
    """
    content = {
        "folder": str(root),
        "image": place.image,
        "page": place.page,
        "layer": place.layer,
        "zoom": place.zoom,
        "x": place.middle_xy[0],
        "y": place.middle_xy[1],
    }
    _write(data_folder / _PLACE, content)


def _reading(data_folder: Path) -> dict[str, object]:
    data = read_json_or(data_folder / _READING, None)
    return data if isinstance(data, dict) else {}


def load_sources(data_folder: Path) -> dict[str, frozenset[str]]:
    """From which predictions annotations have pixels: keys of runs by image; empty if unknown.

    Args:
        data_folder: `Project.data_folder`.
    """
    return _load_lists(data_folder / _SOURCES)


def save_sources(data_folder: Path, root: Path, key: str, runs: Iterable[str]) -> None:
    """Write from which predictions an image's annotation has pixels.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder, for people who look into the file.
        key: The image, `ImageRef.key`.
        runs: Keys of the runs; none takes the entry away.

    Raises:
        SegstudioError: if it cannot be written.
    """
    _save_list(data_folder / _SOURCES, root, key, runs)


def load_settled(data_folder: Path) -> dict[str, frozenset[str]]:
    """What of annotations the user said to be right although a model says otherwise, by image.

    Args:
        data_folder: `Project.data_folder`.
    """
    return _load_lists(data_folder / _SETTLED)


def save_settled(data_folder: Path, root: Path, key: str, settled: Iterable[str]) -> None:
    """Write what of an image's annotation the user said to be right.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder, for people who look into the file.
        key: The image, `ImageRef.key`.
        settled: What says which pixels are meant; none takes the entry away.

    Raises:
        SegstudioError: if it cannot be written.
    """
    _save_list(data_folder / _SETTLED, root, key, settled)


def _load_lists(path: Path) -> dict[str, frozenset[str]]:
    try:
        return _lists(path, path.stat().st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=4)
def _lists(path: Path, _modified: int) -> dict[str, frozenset[str]]:
    entry = _LISTS[path.name]
    try:
        found = read_json(path)[entry]
        wrong = _unusable_lists(entry, {entry: found})
        return {key: frozenset(names) for key, names in found.items() if key not in wrong}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SegstudioError):
        return {}


def _save_list(path: Path, root: Path, key: str, names: Iterable[str]) -> None:
    # Read again, since another window may have written of other images.
    known = {k: sorted(r) for k, r in _load_lists(path).items() if k != key}
    if listed := sorted(names):
        known[key] = listed
    content = {"folder": str(root), _LISTS[path.name]: dict(sorted(known.items()))}
    _write(path, content)


def load_notes(data_folder: Path) -> dict[str, str]:
    """What the user wrote of a folder's images, by image; empty if that cannot be read.

    Args:
        data_folder: `Project.data_folder`.
    """
    try:
        found = read_json(data_folder / _NOTES)["notes"]
        return {key: note for key, note in found.items() if isinstance(note, str) and note}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SegstudioError):
        return {}


def save_note(data_folder: Path, root: Path, key: str, note: str) -> None:
    """Write what the user wrote of an image.

    Args:
        data_folder: `Project.data_folder`; made if missing.
        root: The folder, for people who look into the file.
        key: The image, `ImageRef.key`.
        note: One line; empty takes it away.

    Raises:
        SegstudioError: if it cannot be written.
    """
    # Read again, since another window may have written of other images.
    notes = {k: n for k, n in load_notes(data_folder).items() if k != key}
    if note:
        notes[key] = note
    content = {"folder": str(root), "notes": dict(sorted(notes.items()))}
    _write(data_folder / _NOTES, content)


def _file(data_folder: Path, mark: Mark) -> Path:
    return data_folder / f"{mark.value}.json"


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write a file of the data folder, which is made if it is missing."""
    refuse_unreadable(path)
    make_folder(path.parent)
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, utf8_json(text))
