"""Target: where the server is, and what may be told to it over which wire.

A token must not travel in the clear: without a CA file only this machine itself is spoken to, over loopback
or a unix socket. The rule is checked before the first byte leaves.
"""

from dataclasses import dataclass, field
from ipaddress import ip_address

_LOOPBACK_NAME = "localhost"


class TargetInvalid(ValueError):
    """An address that cannot be used; the text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server to talk to, and the credential to show it."""

    #: "HOST:PORT", "[V6]:PORT" or "unix:PATH".
    server: str
    #: API token; empty when there is none. Never shown.
    token: str = field(default="", repr=False)
    #: PEM certificates of the authorities to trust; None for plaintext.
    ca: bytes | None = field(default=None, repr=False)

    @property
    def is_local(self) -> bool:
        """Whether the address never leaves this machine."""
        return self.server.startswith("unix:") or _is_loopback(split_host_port(self.server)[0])


def check(target: Target) -> None:
    """Refuse an address that is malformed, or that would carry a token in the clear.

    Raises:
        TargetInvalid: with what is wrong and what to do.
    """
    if not target.server.startswith("unix:"):
        split_host_port(target.server)
    if target.ca is None and not target.is_local:
        raise TargetInvalid(
            f'server "{target.server}": plaintext is for this machine only; set ca_file (--ca-file) for TLS'
        )


def split_host_port(server: str) -> tuple[str, int]:
    """Return host and port of "HOST:PORT" or "[V6]:PORT".

    Raises:
        TargetInvalid: it reads otherwise.
    """
    host, colon, port = server.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not host or (":" in host and not bracketed):
        raise TargetInvalid(f'server "{server}": must be HOST:PORT, [IPV6]:PORT or unix:PATH')
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 - TCP's own range
        raise TargetInvalid(f'server "{server}": port must be between 1 and 65535, got "{port}"')
    return host.strip("[]"), int(port)


def _is_loopback(host: str) -> bool:
    if host == _LOOPBACK_NAME:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
