"""The tools of the canvas, one a module.

A tool turns pointer events into verbs of `app.editing` and draws its own marks. It knows the
`ToolHost` it is given, never a widget or a window.
"""
