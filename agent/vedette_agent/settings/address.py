"""Addresses of servers: which of them cannot leave this machine.

One idea: without encryption a token may travel only where nobody can listen, and every place that opens a
connection asks the same question.
"""

import ipaddress


def is_loopback(server: str) -> bool:
    """Say whether an address, "host:port" or "unix:…", cannot leave this machine."""
    if server.startswith("unix:"):
        return True
    host = server.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
