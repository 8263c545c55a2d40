"""Echo: the rival. A gRPC server that answers each frame with an ack and does nothing else.

It reads the same bytes from the same streams as the real server and never looks into them: no decoding, no
rules, no store. What it reaches on a core is what the transport leaves for the work.

    python -m bench.echo        # prints {"grpc": "127.0.0.1:PORT"} when it is ready; SIGTERM ends it

`Each` acks every frame by itself. `Newest` coalesces, as the real server does: one ack stands for all frames
that arrived while the one before was being written.
"""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Final

import grpc
from grpc import aio

from bench.frames import ack_frame

SERVICE: Final = "bench.Echo"
EACH: Final = f"/{SERVICE}/Each"
NEWEST: Final = f"/{SERVICE}/Newest"
#: As the real server's (`vedette_server/api/endpoint.py`).
_OPTIONS: Final = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 1024 * 1024),
    ("grpc.max_concurrent_streams", 100),
]
#: Any instant will do: acks only have to be as long as the server's.
_TIME_US: Final = 1_700_000_000_123_456

_Context = aio.ServicerContext[bytes, bytes]


async def each(_requests: object, context: _Context) -> None:
    """Ack every frame."""
    count = 0
    while (await context.read()) is not _EOF:
        count += 1
        await context.write(_ack(count))


async def newest(_requests: object, context: _Context) -> None:
    """Ack the newest frame whenever the ack before is on its way."""
    count = 0
    wake = asyncio.Event()

    async def write() -> None:
        said = 0
        while True:
            await wake.wait()
            wake.clear()
            while said < count:
                said = count
                await context.write(_ack(said))

    writer = asyncio.create_task(write())
    try:
        while (await context.read()) is not _EOF:
            count += 1
            wake.set()
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


#: What a read returns at the end of a stream; the stubs do not say that it may.
_EOF: object = aio.EOF
#: Acks differ in eight bytes at one place.
_HEAD, _TAIL = (part := ack_frame(1, _TIME_US))[:3], part[11:]


def _ack(watermark: int) -> bytes:
    return _HEAD + watermark.to_bytes(8, "little") + _TAIL


async def serve() -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = aio.server(options=_OPTIONS)
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Each": grpc.stream_stream_rpc_method_handler(each),
        "Newest": grpc.stream_stream_rpc_method_handler(newest),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"grpc": f"127.0.0.1:{port}"}), flush=True)
    await stop.wait()
    await server.stop(0.5)


if __name__ == "__main__":
    asyncio.run(serve())
