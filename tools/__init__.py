"""How what ships in `resources/` is made: weights and samples."""
