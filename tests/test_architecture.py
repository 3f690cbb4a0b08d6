"""The layer rule and the start-up rule, checked on the code itself."""

import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent


def test_imports_point_down():
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("segstudio.core.metrics", ["torch", "PySide6"]),
        ("segstudio.storage.project", ["torch", "PySide6", "tifffile", "PIL"]),
        ("segstudio.models.registry", ["torch", "PySide6"]),
        ("segstudio.app.studio", ["torch", "PySide6", "tifffile"]),
        ("segstudio.ui.application", ["torch", "numpy", "cv2", "pyqtgraph"]),
        ("segstudio.__main__", ["torch", "numpy", "typer", "PySide6"]),
    ],
)
def test_import_does_not_pull_in(module, forbidden):
    code = f"import sys, {module}; print([name for name in {forbidden!r} if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.strip() == "[]"


def test_no_file_grows_past_its_purpose():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "segstudio").rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 700
    }
    assert long == {}
