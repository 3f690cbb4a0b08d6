"""The network panel: the traced network as a diagram, and pages about what it shows."""
