"""Models side by side: linked views, and where predictions differ."""
