"""Intake: the agents' end of the server."""
