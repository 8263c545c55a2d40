"""The fleet: agents, their sessions and their silence. Pure."""
