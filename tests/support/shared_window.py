"""A window that the tests of a module share: each opens a folder of its own in it."""

from __future__ import annotations

import shutil

from segstudio.folder.ui.image_list_rows import Order, Show


def as_at_first(bench):
    """The window before others and of its first size, its list unfiltered, no prediction known.

    What belongs to a folder goes when a test opens its own.
    """
    window, images = bench.window, bench.window.images
    if not hasattr(bench, "size"):
        bench.size = window.size()
    window.activateWindow()
    window.resize(bench.size)
    images.filter.clear()
    images.show_.choose(Show.ALL.value)
    images.order.choose(Order.NAME.value)
    bench.engine.gate.set()
    # they are kept by what an image holds: other tests have the same images
    shutil.rmtree(bench.studio.preferences.folders.data / "predictions", ignore_errors=True)
    return bench
