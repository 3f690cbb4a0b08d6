"""The list of images, and the dialogs about truth and masks."""

import segstudio.kit  # noqa: F401 - it guards Qt's overrides before a class of this room is made
