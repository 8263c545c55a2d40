"""Alarms: durable conditions and their life cycle. Pure."""
