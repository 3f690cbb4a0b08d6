"""The entry of the program: `segstudio`, `python -m segstudio`, `python main.py`.

Only the window's own imports are loaded where a window is opened: typer, for one, is not.
"""

import sys

try:
    from segstudio import interrupt

    if __name__ == "__main__":
        interrupt.end_at_once()
except KeyboardInterrupt:
    sys.stderr.write("error: stopped\n")
    sys.exit(130)

TYPE_CHECKING = False
if TYPE_CHECKING:  # nothing is loaded before Ctrl+C is taken care of
    from collections.abc import Sequence
    from pathlib import Path

    from segstudio.storage.mask_pattern import ChosenMasks

_NO_WINDOW = 2


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the program.

    Args:
        arguments: Without the program's name; those of the process if None.

    Returns:
        The exit code.
    """
    before = interrupt.end_at_once()
    code = interrupt.STOPPED
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
    finally:
        if arguments is None:
            interrupt.nothing_left(to_wait_for=code == interrupt.STOPPED)
        else:  # the process goes on
            interrupt.restore(before)
    if arguments is None and "segstudio.window.application" in sys.modules:
        from segstudio.window.application import leave

        leave(code)
    return code


def _run(given: list[str]) -> int:
    if not given:
        return open_window(None)
    from segstudio.cli.program import run

    return run(given, open_window)


def open_window(
    folder: "Path | None",
    *,
    samples: bool = False,
    screenshot: "Path | None" = None,
    masks: "ChosenMasks | None" = None,
) -> int:
    """Open the window and return when it is closed.

    Args:
        folder: Folder (or image) to open.
        samples: Open the samples that come along.
        screenshot: File to save a picture of the window to, and exit.
        masks: The masks of the folder, if they are not to be found.
    """
    before = interrupt.end_at_once()  # nothing is open until the window takes over
    try:
        return _open(folder, samples, screenshot, masks)
    finally:
        interrupt.restore(before)


def _open(
    folder: "Path | None", samples: bool, screenshot: "Path | None", masks: "ChosenMasks | None"
) -> int:
    from segstudio.window.screen import missing_display

    problem = missing_display() or _breaks_python()
    if problem:
        return _refuse(problem)
    if sys.platform == "win32":
        # torch's DLLs fail to initialise if Qt's are loaded first:
        # https://github.com/pytorch/pytorch/issues/166628
        import torch  # noqa: F401
    try:
        from segstudio.window import application
    except ImportError as error:
        if not (error.name or "").startswith("PySide6"):
            raise
        return _refuse(f"Qt cannot be loaded ({error}).")
    return application.run(folder, samples, screenshot, masks)


def _breaks_python() -> str:
    """What is wrong with the version of Qt for Python, "" if it can be used: docs/decisions.md."""
    if sys.version_info >= (3, 12):
        return ""
    import shiboken6

    version = shiboken6.__version__
    if shiboken6.__version_info__[:2] < (6, 12):
        return ""
    return (
        f"PySide6 {version} breaks Python 3.11. Use Python 3.12, or run "
        "pip install 'PySide6-Essentials<6.12'."
    )


def _refuse(problem: str) -> int:
    sys.stderr.write(f"error: {' '.join(problem.split())}\n")
    return _NO_WINDOW


if __name__ == "__main__":
    sys.exit(main())
