"""Text from outside, made harmless before it reaches a terminal, a log or a frame.

One idea: a character that a terminal obeys instead of showing is replaced by what it is called, so that
nothing is hidden and nothing is executed. Nothing here does I/O.
"""

#: Written in full so that a reader sees what is meant: bidirectional controls, zero-width marks, line
#: separators.
_INVISIBLE = frozenset(
    "\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_FIRST_PRINTABLE = 0x20
_DELETE = 0x7F
_LAST_C1 = 0x9F


def visible(text: str) -> str:
    r"""Return `text` with each control, bidirectional or zero-width character written out: ESC as \x1b."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written_out(char) if _is_hidden(char) else char for char in text)


def clipped(text: str, limit: int) -> str:
    """Return the longest prefix of `text` that takes at most `limit` bytes of UTF-8."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode("utf-8")
    return encoded[:limit].decode("utf-8", "ignore")


def _is_hidden(char: str) -> bool:
    code = ord(char)
    return (
        code < _FIRST_PRINTABLE
        or _DELETE <= code <= _LAST_C1
        or char in _INVISIBLE
        or 0xD800 <= code <= 0xDFFF  # noqa: PLR2004 - the surrogates, which no encoder takes
    )


def _written_out(char: str) -> str:
    code = ord(char)
    match char:
        case "\n":
            return "\\n"
        case "\t":
            return "\\t"
        case "\r":
            return "\\r"
        case _:
            return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - one byte
