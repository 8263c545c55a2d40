"""A part of the product, as small as a real process can be: it lives, and serves its metrics.

    python -S -E product.py NAME FOLDER

The page that it serves is the file NAME.metrics in FOLDER, as it is at that moment; where it serves stands in
NAME.port. It starts in a few milliseconds, because every component of every test is one.
"""

import socket
import sys


def main(name: str, folder: str) -> None:
    """Serve one page, forever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with open(f"{folder}/{name}.port", "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib is slow to import
            file.write(str(server.getsockname()[1]))
        while True:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(_page(f"{folder}/{name}.metrics"))


def _page(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            body = file.read()
    except FileNotFoundError:
        return b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    head = f"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


if __name__ == "__main__":
    main(*sys.argv[1:])
