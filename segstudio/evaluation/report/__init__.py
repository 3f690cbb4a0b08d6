"""The report of an evaluation: which model is right, and where, as HTML, CSV and JSON."""
