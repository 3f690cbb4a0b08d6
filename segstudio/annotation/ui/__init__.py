"""The list of classes, and the dialogs about annotations."""

import segstudio.kit  # noqa: F401 - it guards Qt's overrides before a class of this room is made
