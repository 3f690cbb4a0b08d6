"""Windows that are asked for: export, recovery, settings, shortcuts, palette, cheat sheet, about.

They get what they need from whoever opens them and import no panel.
"""
