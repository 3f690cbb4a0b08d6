"""Training: joint transforms, losses, the loop, detection, and the recipe of the shipped models.

What lives here works on arrays and torch modules. It may import ``segstudio.core`` and
``segstudio.models``; never ``storage``, ``session``, ``app``, ``cli`` or ``ui``, and no Qt.
"""
