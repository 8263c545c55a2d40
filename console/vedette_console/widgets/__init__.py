"""Widgets: they know rows, lines and cells, never the server."""
