"""Collectors: what is measured, one source each. They know no thresholds, no server, no other collector."""
