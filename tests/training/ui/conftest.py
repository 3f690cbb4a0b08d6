"""Windows, and what they leave behind."""

from windows import (  # noqa: F401 - fixtures
    bench,
    clock,
    fake_engine,
    folder,
    keep_window,
    make_window,
    messages_stay,
    nothing_left_behind,
    qtbot,
    studio,
    user_folders,
)
