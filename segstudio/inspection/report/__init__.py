"""The report of one image's way through a network, and the other files made from a trace."""
