"""The user's settings: a readable JSON file that holds only what differs from the defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import read_json, read_object
from segstudio.core.text import utf8_json
from segstudio.storage.atomic import make_folder, write_atomically
from segstudio.storage.damaged import (
    Tell,
    not_told,
    refuse_unreadable,
    set_aside,
    tell_unusable,
)
from segstudio.storage.recent_folders import FolderFacts, read_facts

MAX_RECENT = 12
THEMES = ("system", "light", "dark")
DEVICES = ("auto", "cpu", "cuda", "mps")
BRUSH_PX = (1, 2000)
"""The narrowest and the widest brush, in pixels of the image."""


@dataclass(frozen=True)
class Settings:
    """What the user chose. Replaced as a whole, never changed.

    Attributes:
        autosave: Whether the annotation is saved by itself.
        autosave_seconds: How long after the last stroke, 0.2 to 60.
        keep_view: Whether zoom and place stay from image to image.
        theme: "system", "light" or "dark".
        device: "auto", "cpu", "cuda" or "mps".
        opacity: Of the overlay, 0 to 1.
        brush_size: In pixels of the image, 1 to 2,000.
        overlay_style: "fill", "outline" or "both".
        flavour: How objects are coloured: "semantic" (by class), "instance" (by object) or
            "panoptic" (by both).
        pixel_grid: Whether the grid is drawn when zoomed in.
        navigator: Whether the whole image is shown small when zoomed in.
        object_ids: Whether the numbers of objects stand on the picture.
        object_boxes: Likewise the rectangles around them.
        object_scores: Likewise how sure the model is of them.
        scale_bar: Whether it is drawn where the size of a pixel is known.
        model: Id of the model chosen last, "" if none.
        prompter: Id of the network that answers points and boxes; "" for the first that is here.
        score_threshold: Of instances, 0 to 1.
        mask_threshold: Of instances' pixels, 0 to 1.
        fast_routes: Whether models may be run by a route that was tested to be quicker and alike.
        tile_px: Images with a longer side are cut into tiles of this size, 256 to 8192.
        keys: The name of the key preset ("segstudio", ...).
        key_overrides: Shortcuts by action id that differ from the preset; "" is none.
        export_folders: Where the masks of a data set were exported to, by its folder, the latest
            last; others go into its own `export`.
        export_forms: The forms of the last export, and lists of states, with commas.
        recent: Folders that were open, the latest first.
        recent_facts: What was known of them when they were left, by folder.
    """

    autosave: bool = True
    autosave_seconds: float = 1.0
    keep_view: bool = True
    theme: str = "system"
    device: str = "auto"
    opacity: float = 0.45
    brush_size: int = 12
    overlay_style: str = "both"
    flavour: str = "instance"
    pixel_grid: bool = False
    navigator: bool = True
    object_ids: bool = False
    object_boxes: bool = False
    object_scores: bool = False
    scale_bar: bool = True
    model: str = ""
    prompter: str = ""
    score_threshold: float = 0.5
    mask_threshold: float = 0.5
    fast_routes: bool = True
    tile_px: int = 2048
    keys: str = "segstudio"
    key_overrides: Mapping[str, str] = field(default_factory=dict)
    export_folders: Mapping[str, str] = field(default_factory=dict)
    export_forms: str = ""
    recent: tuple[str, ...] = ()
    recent_facts: Mapping[str, FolderFacts] = field(default_factory=dict)

    def with_recent(self, folder: str) -> Settings:
        """Settings in which a folder is the latest of the recent ones."""
        rest = [other for other in self.recent if other != folder]
        return self._with_folders((folder, *rest)[:MAX_RECENT])

    def without_recent(self, folder: str) -> Settings:
        """Settings that know nothing of a folder that was open."""
        return self._with_folders(tuple(other for other in self.recent if other != folder))

    def with_facts(self, folder: str, facts: FolderFacts) -> Settings:
        """Settings that know this of one of the recent folders."""
        if folder not in self.recent:
            return self
        return replace(self, recent_facts={**self.recent_facts, folder: facts})

    def _with_folders(self, recent: tuple[str, ...]) -> Settings:
        facts = {
            folder: self.recent_facts[folder] for folder in recent if folder in self.recent_facts
        }
        return replace(self, recent=recent, recent_facts=facts)

    def with_export(self, root: str, folder: str, forms: str) -> Settings:
        """Settings in which masks of a data set go to a folder next time too, in the same forms."""
        rest = [(r, f) for r, f in self.export_folders.items() if r != root][1 - MAX_RECENT :]
        return replace(self, export_folders=dict([*rest, (root, folder)]), export_forms=forms)


_RANGES: dict[str, tuple[float, float]] = {
    "autosave_seconds": (0.2, 60.0),
    "opacity": (0.0, 1.0),
    "brush_size": BRUSH_PX,
    "score_threshold": (0.0, 1.0),
    "mask_threshold": (0.0, 1.0),
    "tile_px": (256, 8192),
}
_CHOICES = {
    "theme": THEMES,
    "device": DEVICES,
    "overlay_style": ("fill", "outline", "both"),
    "flavour": ("semantic", "instance", "panoptic"),
}


def load_settings(path: Path, tell: Tell = not_told, *, only_look: bool = False) -> Settings:
    """Read settings; entries that are missing, unknown or damaged get their defaults.

    Those that are damaged are told of.

    A file that is no JSON at all is kept beside as `.damaged`, so that nothing is lost by the
    next saving.

    Args:
        path: The file.
        tell: Is told what is damaged.
        only_look: Leave a damaged file where it is, for those who read it again and can tell.
    """
    try:
        data = read_json(path)
        if not isinstance(data, dict):
            raise TypeError("it holds no settings")
    except FileNotFoundError:
        return Settings()
    except (OSError, SegstudioError) as error:
        if not only_look:
            why = error.strerror if isinstance(error, OSError) else error
            tell(f"{path} cannot be read ({why}): the usual settings are in force.")
        return Settings()
    except (ValueError, TypeError) as error:
        if not only_look:
            set_aside(path, error, "the usual settings are in force", tell)
        return Settings()
    defaults = asdict(Settings())
    known = {name: raw for name, raw in data.items() if name in defaults}
    values = {name: _accepted(name, raw, defaults[name]) for name, raw in known.items()}
    unusable = {name: raw for name, raw in known.items() if not _is_whole(raw, values[name])}
    tell_unusable(path, unusable, "the usual ones, or the nearest, are in force", tell)
    return Settings(**{name: value for name, value in values.items() if value is not None})


def save_settings(path: Path, settings: Settings) -> None:
    """Write what differs from the defaults; entries of other versions of segstudio are kept.

    Raises:
        SegstudioError: if the file cannot be written.
    """
    refuse_unreadable(path)
    known = {f.name for f in fields(Settings)}
    others = {name: value for name, value in read_object(path).items() if name not in known}
    defaults, values = asdict(Settings()), asdict(settings)
    changed = {name: values[name] for name in values if values[name] != defaults[name]}
    make_folder(path.parent)
    text = json.dumps({**others, **changed}, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, utf8_json(text))


def _accepted(name: str, raw: object, default: object) -> Any:
    """A value of the right kind, range or choice, else None."""
    if name == "recent":
        folders = [v for v in raw if isinstance(v, str)] if isinstance(raw, list) else None
        return None if folders is None else tuple(folders[:MAX_RECENT])
    if name == "recent_facts":
        return read_facts(raw)
    if isinstance(default, dict):
        if not isinstance(raw, dict):
            return None
        return {k: v for k, v in raw.items() if isinstance(v, str)}
    if isinstance(default, bool) or isinstance(raw, bool):
        return raw if isinstance(default, bool) and isinstance(raw, bool) else None
    if isinstance(default, str):
        known = _CHOICES.get(name)
        return raw if isinstance(raw, str) and (known is None or raw in known) else None
    if not isinstance(raw, (int, float)) or raw != raw:
        return None
    low, high = _RANGES[name]
    limited = min(max(raw, low), high)
    return round(limited) if isinstance(default, int) else float(limited)


def _is_whole(raw: Any, value: Any) -> bool:
    """Whether all that was in the file was taken."""
    if isinstance(value, tuple):
        return all(isinstance(v, str) for v in raw)
    if isinstance(value, dict):
        return isinstance(raw, dict) and len(value) == len(raw)
    return value is not None and bool(value == raw)
