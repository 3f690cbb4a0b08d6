"""The command line: thin commands over `app`'s neighbours `storage`, `models` and `core`.

One module a command, one for the program itself, one for how results are printed. May import
everything but `ui`: the entry point hands over the function that opens the window. torch is
imported by the commands that run networks, when they run.
"""
