"""A child of the soak: exports every image of a folder in five forms."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from segstudio.annotation.exporting import ExportPlan, ExportReport
from segstudio.clock import ManualClock
from segstudio.studio import Studio


def main() -> int:
    """`exporter.py FOLDER OUT HOME`."""
    folder, out, home = map(Path, sys.argv[1:4])
    clock = ManualClock()
    studio = Studio(clock, home)
    studio.browsing.open_path(folder)
    while studio.session.document is None:
        clock.wait_posted(0.01)
        clock.run_posted()
    reports: list[ExportReport] = []
    forms = frozenset({"index", "palette", "color", "overlay", "binary"})
    studio.exporting.export(ExportPlan("all", "annotation", forms, out), reports.append)
    while not reports:
        clock.wait_posted(0.01)
        clock.run_posted()
        time.sleep(0)
    studio.close()
    return 0 if reports[0].images == len(studio.session.project.images) else 1


if __name__ == "__main__":
    sys.exit(main())
