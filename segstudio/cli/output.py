"""How results and progress are printed: JSON and tables to stdout, all else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from segstudio.core.formatting import change_text, ratio_text
from segstudio.core.json_text import without_nan
from segstudio.core.progress import no_report
from segstudio.core.text import printable, utf8_json


class ShowProgress(Protocol):
    """Takes (done, total, text)."""

    def __call__(self, done: int, total: int = 0, text: str = "") -> None:
        """Show that `done` of `total` steps are done (0: unknown)."""
        ...


def print_json(data: object) -> None:
    """Print one JSON document; numbers that are not defined (NaN) become null."""
    # any other encoding would escape letters as no JSON does
    is_utf8 = (sys.stdout.encoding or "utf-8").casefold().replace("-", "") == "utf8"
    text = json.dumps(without_nan(data), indent=2, ensure_ascii=not is_utf8, allow_nan=False)
    print(utf8_json(text).decode())


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns; those whose cells are all numbers are aligned right."""
    lines = [[printable(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    right = [all(_is_number(row[i]) for row in lines[1:]) for i in range(len(headers))]
    for row in lines:
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.replace(",", "").replace(".", "").isdigit()


def score(value: float, digits: int = 4) -> str:
    """A score, "-" if it is not defined."""
    return ratio_text(value, digits).translate(_ASCII)


def signed(value: float) -> str:
    """A change of a score with its sign, "-" if it is not defined."""
    return change_text(value, 4).translate(_ASCII)


_ASCII: Final = str.maketrans("\u2013\u2212", "--")
"""Programs that read the output know no other minus, and some terminals neither."""


def warn(message: str) -> None:
    """Print a line to stderr."""
    print(printable(message), file=sys.stderr, flush=True)


def print_line(message: str = "") -> None:
    """Print a line that may hold names of files and classes; empty lines before and after stay."""
    line = message.strip("\n")
    before, after = message.partition(line)[::2] if line else (message, "")
    print(f"{before}{printable(line)}{after}")


@contextmanager
def progress_bar(title: str, *, is_bytes: bool = False) -> Iterator[ShowProgress]:
    """A progress bar on stderr while the block runs; nothing if stderr is no terminal."""
    if not sys.stderr.isatty():
        yield no_report
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    amount = DownloadColumn() if is_bytes else MofNCompleteColumn()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        amount,
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(title), total=None)

        def show(done: int, total: int = 0, text: str = "") -> None:
            told = printable(text or title)
            bar.update(task, completed=done, total=total or None, description=told)

        yield show
