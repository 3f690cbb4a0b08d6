"""Networks and their weights: what there is, where it lies, how it is run.

torch lives here (and in `inspection` and `training`), but `registry`, `published` and `weights`
can be imported without it, so that lists of models can be shown before torch is loaded.
May import `core` and `resources`; neither files of the user's project (`storage`) nor Qt.
"""
