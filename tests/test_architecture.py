"""Which room may import which, and what start-up may import, checked on the code itself."""

import ast
import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent


FEATURES = {"annotation", "comparison", "evaluation", "inspection", "training"}
FLOORS = (
    {"core", "interrupt", "resources"},
    {"storage", "models", "metrics", "jobs"},
    {"report", "session", "notices"},
    {"clock", "preferences"},
    {"inspection.nets"},
    {"folder"},
    {"runs"},
    FEATURES,
    {"studio"},
    {"kit"},
    {"canvas"},
    {f"{room}.ui" for room in (*FEATURES, "folder", "runs")},
    {"window"},
    {"cli"},
    {"__main__"},
)
"""From the bottom up. A room imports what stands below it, and never its neighbours."""

NEIGHBOURS = {
    ("comparison", "annotation"): "what is taken from a model becomes a stroke of the annotation",
}
"""Imports between rooms of one floor, with the reason."""

_TORCH = {"torch", "torchvision", "segmentation_models_pytorch", "timm"}
_QT = {"PySide6", "pyqtgraph"}
_FILES = {"PIL", "tifffile", "psygnal", "platformdirs", "typer", "rich", "safetensors"}
_WITH_QT = {"kit", "canvas", "window"}


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph(
        "segstudio", include_external_packages=True, exclude_type_checking_imports=True
    )


def room_of(module: str) -> str:
    """The room of a module: its package below `segstudio`, with `.ui` or `.nets` kept apart."""
    names = module.split(".")[1:]
    if names[1:2] and names[1] in ("ui", "nets"):
        return ".".join(names[:2])
    return names[0] if names else "resources"


def floor_of(module: str) -> int:
    room = room_of(module)
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def imports_of(graph):
    for importer in sorted(graph.modules):
        if importer.startswith("segstudio."):
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                if imported.startswith("segstudio."):
                    yield importer, imported


def test_every_room_has_its_floor(graph):
    rooms = {room_of(m) for m in graph.modules if m.startswith("segstudio.")}
    assert rooms == set().union(*FLOORS)


def test_imports_point_down(graph):
    assert [(a, b) for a, b in imports_of(graph) if floor_of(a) < floor_of(b)] == []


def test_rooms_of_one_floor_do_not_know_each_other(graph):
    across = {
        (room_of(a), room_of(b))
        for a, b in imports_of(graph)
        if floor_of(a) == floor_of(b) and room_of(a) != room_of(b)
    }
    assert across == set(NEIGHBOURS)


def rooms_that_import(graph, packages: set[str]) -> set[str]:
    return {
        room_of(module)
        for module in graph.modules
        if module.startswith("segstudio.")
        and packages & set(graph.find_modules_directly_imported_by(module))
    }


def test_torch_is_known_where_networks_are(graph):
    # __main__ loads it before Qt on Windows, where the two clash otherwise
    assert rooms_that_import(graph, _TORCH) == {"models", "training", "inspection.nets", "__main__"}


def test_qt_is_known_where_widgets_are(graph):
    rooms = rooms_that_import(graph, _QT)
    assert {room for room in rooms if not room.endswith(".ui")} == _WITH_QT


def test_values_and_measures_know_no_files(graph):
    assert not rooms_that_import(graph, _FILES) & {"core", "metrics"}


LIGHT = {
    "import segstudio.__main__": ["torch", "numpy", "typer", "PySide6"],
    "import segstudio.annotation.ui.tools.tool_table": ["torch", "numpy", "cv2", "psygnal"],
    "import segstudio.window.application": [
        "torch", "numpy", "cv2", "pyqtgraph", "segstudio.window.docks"
    ],
    "from segstudio.window.application import Application\n"
    "Application(None, False, None).window.build_bars()": ["torch", "numpy", "cv2", "PIL", "tifffile"],
    "import segstudio.window.preload, segstudio.evaluation.ui.panel": ["torch", "pyqtgraph"],
}  # fmt: skip
LIGHT_WITHOUT_QT = {
    "import segstudio.storage.project, segstudio.storage.settings": [
        "torch", "PySide6", "tifffile", "PIL", "cv2", "natsort", "platformdirs",
    ],
    "import segstudio.metrics.confusion": ["torch", "PySide6"],
    "from segstudio.models.registry import registry\n"
    "from segstudio.models.weights import is_available\n"
    "for spec in registry().values(): is_available(spec)": ["torch", "torchvision", "PySide6"],
    "import segstudio.studio": ["torch", "PySide6", "tifffile"],
    "import segstudio.training.losses": ["torch", "PySide6"],
}  # fmt: skip
"""What must not be imported by the time that this, and all above it, has been done."""

_ONE_BY_ONE = """
import json, sys
for number, (code, forbidden) in enumerate(json.loads(sys.argv[1]).items()):
    exec(code)
    print(number, [name for name in forbidden if name in sys.modules], flush=True)
"""


@pytest.mark.parametrize("light", [LIGHT, LIGHT_WITHOUT_QT], ids=["window", "services"])
def test_what_must_be_quick_imports_nothing_large(light):
    done = subprocess.run(
        [sys.executable, "-c", _ONE_BY_ONE, json.dumps(light)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert done.stdout.splitlines() == [f"{n} []" for n in range(len(light))], done.stderr


def test_no_file_grows_past_its_purpose():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "segstudio").rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 700
    }
    assert long == {}


MEASURES_NAMED = {
    "instances": "also folders of masks and a kind of their values",
    "panoptic": "also a task of models: objects over classes of stuff",
    "boundary": "also a loss, a row of segstudio/training/losses",
    "cldice": "also a loss, a row of the same table",
    "suspicion": "segstudio/session/queue_state.py: an order of the queue",
    "ap": "segstudio/training, the model panel: what a trained model's card tells",
    "ap50": "the same",
    "ap75": "the same",
    "boundary_iou": "segstudio/metrics/cut_costs.py, cli/inspect_cuts.py: what a cut connection costs",
    "mean_boundary_iou": "the same",
}
"""Names of measures that stand elsewhere too, and where or for what else."""


def test_a_measure_is_named_in_its_own_module_alone():
    """A new one needs a module and a line in the list: nothing else may know one by its name.

    Not of IoU, Dice and what else follows from the confusion matrix, which all lead with.
    """
    from segstudio.metrics.image_figures import MEASURES, PIXELS

    homes: dict[str, str] = {}
    for measure in (m for m in MEASURES if m.count is not None and m is not PIXELS):
        names = {measure.key, measure.option, measure.section}
        for figure in (g for f in measure.figures for g in (f, f.foreground())):
            names |= {figure.key, figure.json, figure.total}
        homes |= dict.fromkeys(names - {""}, measure.count.__module__)
    assert len(homes) > 40
    # only what may have such a text is taken apart: a name between quotes, or a part of an f-string
    may_name = re.compile(rf"""["'}}](?:{"|".join(map(re.escape, homes))})["'{{]""")
    named = {
        (node.value, module)
        for path in (ROOT / "segstudio").rglob("*.py")
        if may_name.search(text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and node.value in homes
        if (module := ".".join(path.relative_to(ROOT).with_suffix("").parts)) != homes[node.value]
    }
    assert {pair for pair in named if pair[0] not in MEASURES_NAMED} == set()
    assert {name for name, _ in named} == MEASURES_NAMED.keys()


ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_page_on_architecture_draws_the_floors_as_they_are():
    drawn = [set(line.split()) for line in ARCHITECTURE.split("```")[1].strip().splitlines()]
    assert drawn == [floor - {"training.ui"} for floor in reversed(FLOORS)]


def test_the_page_on_architecture_names_files_and_functions_that_exist():
    """A file stands before what is named of it: `folder/browsing.py` `Browsing.select`."""
    named = re.findall(r"`([\w/]+\.py)`(?:\s+`([A-Za-z_]+)(?:\.(\w+))?`)?", ARCHITECTURE)
    assert len(named) > 50
    missing = []
    for path, first, second in named:
        file = next((f for f in (ROOT / "segstudio" / path, ROOT / path) if f.is_file()), None)
        if file is None:
            missing.append(path)
        elif first and not _defines(_parsed(file), first, second):
            missing.append(f"{path} {first}.{second}")
    assert missing == []


@functools.cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _defines(module: ast.Module, name: str, member: str) -> bool:
    kinds = (ast.ClassDef, ast.FunctionDef)
    found = [node for node in module.body if isinstance(node, kinds) and node.name == name]
    members = {node.name for each in found for node in each.body if isinstance(node, kinds)}
    return bool(found) and (not member or member in members)
