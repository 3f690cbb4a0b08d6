"""The view of the open image: photo, overlay, panes, input."""

import segstudio.kit  # noqa: F401 - it guards Qt's overrides before a class of this room is made
