"""Training: joint transforms, losses, the loop, detection, and the recipe of the shipped models."""
