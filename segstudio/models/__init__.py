"""Networks and their weights: what there is, where it lies, how it is run.

`registry`, `families`, `published` and `weights` can be imported without torch, so that lists of
models can be shown before it is loaded.
"""
