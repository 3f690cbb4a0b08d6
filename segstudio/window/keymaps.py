"""Sets of shortcuts for people who come from other tools."""

from __future__ import annotations

from segstudio.kit.actions import Keymap

OWN = "segstudio"

_LABELME: Keymap = {
    "view.fit": ("Ctrl+F", "F"),
    "view.actual": ("Ctrl+0",),
    "tool.brush": ("Shift+B", "B"),
    "view.overlay": ("Ctrl+M", "V"),
    "file.open": ("Ctrl+U", "Ctrl+O"),
    "image.reviewed": ("Ctrl+Alt+K", "K"),
    "model.run": ("I", "F5"),
    "tool.pick": (),
    "tool.wand": ("Shift+W", "W"),
    "tool.superpixel": ("Ctrl+Shift+W",),
    "tool.contrast": ("Ctrl+Shift+B",),
    "image.find": (),
}
_NAPARI: Keymap = {
    "tool.brush": ("P", "B"),
    "tool.eraser": ("E",),
    "tool.fill": ("F", "G"),
    "tool.polygon": ("Shift+P",),
    "tool.lasso": ("Shift+T",),
    "tool.scissors": ("Shift+U",),
    "errors.keep": ("Ctrl+Shift+J",),
    "tool.take": ("Ctrl+Alt+U",),
    "tool.pick": ("L", "I"),
    "tool.pan": ("Z", "H"),
    "tool.select": ("Shift+Z",),
    "brush.only_unlabelled": ("Shift+L",),
    "view.fit": ("Ctrl+R", "Shift+F"),
    "file.rescan": (),
    "class.next": ("=", "."),
    "class.previous": ("-", ","),
}
_CVAT: Keymap = {
    "image.next": ("F", "PgDown"),
    "image.previous": ("D", "PgUp"),
    "view.fit": ("Shift+F",),
    "tool.brush": ("Shift+1", "B"),
    "tool.eraser": ("Shift+2", "E"),
    "tool.polygon": ("Shift+3", "P"),
    **{f"class.{n}": (f"Ctrl+{n}", str(n)) for n in range(10)},
    "view.actual": ("Ctrl+Alt+1",),
    "view.double": ("Ctrl+Alt+2",),
}

PRESETS: dict[str, Keymap] = {
    OWN: {},
    "labelme / X-AnyLabeling": _LABELME,
    "napari": _NAPARI,
    "CVAT": _CVAT,
}
"""By name, the shortcuts that differ from the table's."""
