"""The model and how it is run. May import what every panel may."""
