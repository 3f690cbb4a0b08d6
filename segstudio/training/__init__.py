"""Training: joint transforms, losses, the loop, detection, and the file that comes of it.

What lives here works on arrays and torch modules. It may import ``segstudio.core`` and
``segstudio.models``; never files, sessions or Qt.
"""
