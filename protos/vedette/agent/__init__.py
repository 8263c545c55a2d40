"""The link between an agent and the server."""
