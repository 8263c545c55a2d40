"""The catalog file: read, checked, and the one that ships. What rules mean is in `detect/`."""

from __future__ import annotations

from vedette_server.catalog.loader import CatalogError, load_catalog, shipped_catalog

__all__ = ["CatalogError", "load_catalog", "shipped_catalog"]
