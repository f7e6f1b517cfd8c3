"""Metrics of predictions: thresholds, confusion matrices, curves, calibration, metrics on splits."""
