"""The network panel: the traced network as a diagram, and pages about what its stages do."""

import segstudio.kit  # noqa: F401 - it guards Qt's overrides before a class of this room is made
