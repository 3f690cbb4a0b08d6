"""The evaluation panel and the work queue."""

import segstudio.kit  # noqa: F401 - it guards Qt's overrides before a class of this room is made
