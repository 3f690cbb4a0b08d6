"""segstudio: a desktop workbench for image segmentation.

Layers, from the top: ui -> app -> session -> {storage | models, inspection, training | jobs} -> core.
Imports point down only; tests/test_architecture.py checks it.
"""

import logging

__version__ = "0.1.0"

# Its messages are for the log of the window. Where nobody keeps a log Python would print them,
# with tracebacks, among what a command says.
logging.getLogger(__name__).addHandler(logging.NullHandler())
