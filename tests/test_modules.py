"""Modules are deep and have names of their own; what stays small says why."""

import re
from collections import defaultdict
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent

ROWS = (
    "segstudio.annotation.ui.tools.", "segstudio.storage.formats.", "segstudio.cli.",
    "segstudio.metrics.centreline", "segstudio.metrics.error_area", "segstudio.training.losses",
)  # fmt: skip
"""Rows of a table: a tool, a format, a command, a measure, a loss each."""

SMALL = {
    "canvas.pane_view": "a widget of which the canvas lays out many",
    "evaluation.ui.charts_page": "imported with pyqtgraph when its page is first opened",
    "metrics.run_counting": "imports numba, which may be missing",
    "inspection.nets.region_proposals": "all that is known of how proposals are made",
    "models.things": "what the usual data sets say, whatever network was trained on them",
    "storage.resolution": "what units of length are called, whatever the pixels hold",
    "storage.large_masks": "counts in arrays of any size, whatever their values mean",
    "folder.step_order": "an order by itself, which knows no service",
    "folder.channel_showing": "follows the view by itself; opening images knows nothing of looks",
    "training.model_file": "the format of files, which tools/embedded_models.py writes too",
    "training.semantic_training": "tools/embedded_models.py trains by it too",
    "window.about": "loaded when it is asked for",
    "window.preload": "what a thread imports while the frame is on the screen",
    "window.region_focus": "loaded when it is asked for",
    "window.pixel_menu": "imports what draws pictures, which the frame does without",
    "window.screenshot": "loaded when it is asked for",
}
"""Modules under 120 lines with one user in their package, and why they stand alone."""


@pytest.fixture(scope="module")
def modules() -> dict[str, str]:
    """The text of each module that is no package, by its name."""
    found = {}
    for path in sorted((ROOT / "segstudio").rglob("*.py")):
        if path.name != "__init__.py":
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name] = path.read_text(encoding="utf-8")
    return found


def users_of(modules: dict[str, str]) -> dict[str, set[str]]:
    """Who imports each module, for types alone too."""
    graph = grimp.build_graph("segstudio", cache_dir=None)
    users = {name: graph.find_modules_that_directly_import(name) for name in modules}
    return {name: found & modules.keys() for name, found in users.items() if found}


def test_a_small_module_with_one_user_stands_in_it_or_says_why(modules):
    small = set()
    for name, users in users_of(modules).items():
        lines = len(modules[name].splitlines())
        package = name.rpartition(".")[0]
        beside = len(users) == 1 and next(iter(users)).rpartition(".")[0] == package
        if lines < 120 and beside and not name.startswith(ROWS):
            small.add(name.removeprefix("segstudio."))
    assert small == SMALL.keys()
    assert len(SMALL) <= 25


def test_no_module_is_called_like_another(modules):
    called = defaultdict(list)
    for name in modules:
        called[name.rpartition(".")[2]].append(name)
    assert {last: names for last, names in called.items() if len(names) > 1} == {}


def test_no_public_class_is_called_like_another(modules):
    called = defaultdict(list)
    for name, text in modules.items():
        for class_name in re.findall(r"^class ([^\W_]\w*)", text, re.MULTILINE):
            called[class_name].append(name)
    assert len(called) > 300
    assert {last: names for last, names in called.items() if len(names) > 1} == {}
