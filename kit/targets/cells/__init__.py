"""Cells of submissions, target by target: what a sample's cells hold, and how predictions are written into them.

Pure, as targets are: lists of texts and NumPy arrays, nothing of files or tables.
"""
