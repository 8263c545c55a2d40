"""The policy file: customers, contracts, plans and calendars, read from YAML into one `Policy`.

`load_policy` is the entry point; a file with mistakes raises `PolicyError`, which lists every one.
"""

from __future__ import annotations

from vedette_server.policy.loader import PolicyError, load_policy

__all__ = ["PolicyError", "load_policy"]
