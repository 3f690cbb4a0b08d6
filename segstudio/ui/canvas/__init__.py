"""The view of the open image: photo, overlay, tools.

What lives here shows arrays and turns mouse, pen and keys into verbs of `app.editing`. May import
PySide6, `app`, `session` and `core`; never torch, storage, dialogs or panels.

Coordinates: image points are (x, y) with pixel (x, y) covering [x, x + 1) x [y, y + 1); device
points are pixels of the screen inside the viewport (logical pixels times the device pixel ratio).
"""
