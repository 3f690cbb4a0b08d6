"""Models compared over a folder. May import what every panel may."""
