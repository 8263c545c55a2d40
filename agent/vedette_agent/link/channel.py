"""Channel: how the agent reaches the server through gRPC, with nothing left to defaults that matter.

Transport keepalive notices a dead way when nothing else does; `keepalive_timeout_ms` alone does not bound a
peer that hangs, the ping timeout does. Each channel is its own connection, made for one attempt, so that the
name of the server is resolved anew and many agents in one process do not share one.
"""

from pathlib import Path

import grpc
import grpc.aio

from vedette_agent.errors import ConfigError
from vedette_agent.settings.address import is_loopback

#: Interval of transport pings; the server refuses less than 5 s.
_KEEPALIVE_MS = 10_000
#: A ping unanswered for this long ends the connection.
_PING_TIMEOUT_MS = 10_000
#: Largest frame taken from the server, after decompression.
_MAX_RECEIVE_BYTES = 1024 * 1024

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", _PING_TIMEOUT_MS),
    ("grpc.http2.ping_timeout_ms", _PING_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", _MAX_RECEIVE_BYTES),
    # Coming back is this agent's own business (backoff.py): its jitter is too little for a herd.
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)


def open_channel(server: str, ca_file: Path | None) -> grpc.aio.Channel:
    """Return a new channel to `server`; nothing is connected yet.

    Raises:
        ConfigError: the certificates cannot be read, or the way would be unencrypted beyond this machine.
    """
    # A proxy of the environment is for the way out, not for a server on this machine.
    options = (*_OPTIONS, ("grpc.enable_http_proxy", int(not is_loopback(server))))
    if ca_file is None:
        if not is_loopback(server):
            raise ConfigError(
                [f'server: refusing to send the token to "{server}" unencrypted; set tls.ca_file']
            )
        return grpc.aio.insecure_channel(server, options=options)
    try:
        roots = ca_file.read_bytes()
    except OSError as error:
        raise ConfigError([f"{ca_file}: tls.ca_file cannot be read: {error.strerror}"]) from error
    return grpc.aio.secure_channel(server, grpc.ssl_channel_credentials(roots), options=options)


def bearer(token_file: Path) -> tuple[tuple[str, str], ...]:
    """Return the call metadata that carries the agent's credential.

    Raises:
        ConfigError: the token cannot be read.
    """
    try:
        token = token_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{token_file}: token_file cannot be read"]) from error
    return (("authorization", f"Bearer {token}"),)
