"""Telemetry: what series are called. Pure."""
