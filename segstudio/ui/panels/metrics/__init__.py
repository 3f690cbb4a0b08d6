"""The scores. May import what every panel may."""
