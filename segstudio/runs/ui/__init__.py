"""The model panel, and the dialogs about runs."""

import segstudio.kit  # noqa: F401 - it guards Qt's overrides before a class of this room is made
