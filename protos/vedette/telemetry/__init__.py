"""Measured values and coded events, as they travel."""
