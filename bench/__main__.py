"""Run every benchmark and print one table; exit code 1 if a target is missed.

`python -m bench [NAME ...]` runs only the named ones (metrics, brush, wand, inference,
folders, startup, rooms, inspection, evaluation).
"""

import importlib
import sys

from rich.console import Console
from rich.table import Table

NAMES = (
    "metrics", "brush", "wand", "inference", "folders", "startup", "rooms", "inspection", "evaluation",
)  # fmt: skip


def main(names: list[str]) -> int:
    """Print name, value, target and verdict of every row."""
    table = Table(title="segstudio: measured ratios")
    for column in ("what", "measured", "target", ""):
        table.add_column(column, justify="left" if column in ("what", "") else "right")
    missed = 0
    for name in names or NAMES:
        rows = importlib.import_module(f"bench.bench_{name}").rows()
        for what, value, target, ok in rows:
            table.add_row(
                what,
                f"{value:.3g}",
                target if isinstance(target, str) else f"{target:g}",
                "ok" if ok else "missed",
            )
            missed += not ok
        table.add_section()
    Console(width=110).print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
