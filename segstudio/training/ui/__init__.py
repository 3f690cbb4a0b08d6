"""The training room: what is trained, curves, overlays, proof."""
