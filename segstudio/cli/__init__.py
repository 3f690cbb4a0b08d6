"""The command line: what is asked for, who does it, how it is printed.

One module a command, one for the program itself, one for how results are printed. The work is done
by the services of the rooms, the same as in the window; the entry point hands over the function that
opens it. torch is imported by the commands that run networks, when they run.
"""
