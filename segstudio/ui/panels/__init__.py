"""The contents of the docks: images, classes, model, metrics.

Each panel gets the session and the two or three objects of `app` that it uses. Panels do not import
panels, keep no state of their own, and write by calling verbs of `app` only.
"""
