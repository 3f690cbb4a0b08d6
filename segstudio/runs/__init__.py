"""Running models.

On an image, on a folder, named runs, what their classes count as, live scores.
"""
