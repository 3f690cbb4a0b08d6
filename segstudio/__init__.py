"""segstudio: a desktop workbench for image segmentation.

Layers, from the top: ui -> app -> session -> {storage | models, inspection, training | jobs} -> core.
Imports point down only; tests/test_architecture.py checks it.
"""

from segstudio.immortals import keep_immortals_alive

__version__ = "0.1.0"

keep_immortals_alive()  # before Qt and psygnal are imported: they take references away
