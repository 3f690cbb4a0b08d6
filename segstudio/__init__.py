"""segstudio: a desktop workbench for image segmentation.

Layers, from the top: ui -> app -> session -> {storage | models, inspection, training | jobs} -> core.
Imports point down only; tests/test_architecture.py checks it.
"""

__version__ = "0.1.0"
