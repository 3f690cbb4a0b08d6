"""Small image files and folders for the storage tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def photo() -> np.ndarray:
    """(6, 9, 3): every value different enough to notice a swap of axes or channels."""
    return np.random.default_rng(3).integers(0, 256, (6, 9, 3), np.uint8)


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def data_folder() -> Path:
    if not DATA.is_dir():
        pytest.skip("needs the real data sets beside the repository (../shared/data)")
    return DATA
