"""Version of the installed agent, read without importing the rest of it."""

from importlib import metadata


def version() -> str:
    """Return the version, e.g. "0.1.0"."""
    return metadata.version("vedette-agent")
