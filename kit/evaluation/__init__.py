"""Measures of predictions: thresholds, confusion, curves, calibration, figures of splits."""
