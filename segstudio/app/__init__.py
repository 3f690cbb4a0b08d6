"""What the user can do: one noun of the user's world a module, verbs as methods.

Every verb runs on the thread that owns the session (the window's) and returns at once: files,
masks and models are left to jobs. May import `session`, `storage`, `jobs` and `core`; models are
reached through `app.engine` only, which loads torch inside a job. No Qt.
"""
