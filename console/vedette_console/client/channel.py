"""The channel to the server: its options, and the credential that each call carries.

A dead peer must be noticed by the transport within seconds (keepalive, and its own ping watchdog), while the
feed above notices a server that lives but says nothing. A console waits for a person, so it reconnects
sooner than an agent would; there are few of them.
"""

import grpc

from vedette_console.client.target import Target, check

#: Silence after which the transport asks whether the server is there, milliseconds.
KEEPALIVE_MS = 10_000
#: How long the server may take to answer that, milliseconds.
PING_TIMEOUT_MS = 5_000
#: Largest answer, bytes: a page of 1,000 cases with their reasons.
RECEIVE_LIMIT = 16 * 1024 * 1024
#: Longest pause of the transport between two attempts to connect, milliseconds.
RECONNECT_MAX_MS = 5_000

Metadata = tuple[tuple[str, str], ...]


def open_channel(target: Target) -> grpc.aio.Channel:
    """Return a channel to the target; it connects with the first call.

    Raises:
        TargetInvalid: the address is malformed, or the token would travel in the clear.
    """
    check(target)
    options = _options(target)
    if target.ca is None:
        return grpc.aio.insecure_channel(target.server, options=options)
    return grpc.aio.secure_channel(target.server, grpc.ssl_channel_credentials(target.ca), options=options)


def call_metadata(target: Target) -> Metadata:
    """Return what each call carries: the credential, if there is one."""
    return (("authorization", f"Bearer {target.token}"),) if target.token else ()


def _options(target: Target) -> list[tuple[str, int]]:
    options: dict[str, int] = {
        "grpc.keepalive_time_ms": KEEPALIVE_MS,
        "grpc.keepalive_timeout_ms": PING_TIMEOUT_MS,
        # Without this the watchdog of a ping is 60 s, whatever the keepalive says.
        "grpc.http2.ping_timeout_ms": PING_TIMEOUT_MS,
        "grpc.keepalive_permit_without_calls": 1,
        "grpc.max_receive_message_length": RECEIVE_LIMIT,
        "grpc.max_reconnect_backoff_ms": RECONNECT_MAX_MS,
    }
    if target.is_local:
        # A proxy named in the environment would carry what is meant for this machine away from it.
        options["grpc.enable_http_proxy"] = 0
    return list(options.items())
