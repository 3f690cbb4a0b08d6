"""Windows, and what they leave behind."""

from shared_window import bench, folder, kept  # noqa: F401 - fixtures
from windows import (  # noqa: F401 - fixtures
    clock,
    fake_engine,
    keep_window,
    make_window,
    messages_stay,
    nothing_left_behind,
    qtbot,
    studio,
    user_folders,
)
