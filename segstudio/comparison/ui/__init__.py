"""The disagreement panel, and the dialog of side by side views."""

import segstudio.kit  # noqa: F401 - it guards Qt's overrides before a class of this room is made
