"""The command line: thin commands over the services of the rooms.

One module a command, one for the program itself, one for how results are printed. torch is
imported by the commands that run networks, when they run.
"""
