"""What a file looks like that cannot be imported, for people. Pure."""

from typing import Final

from stepscope_collector.errors import BadRequest

__all__ = ["refuse_other_kind"]

_MAGIC: Final = (
    (0, b"PAR1", "a Parquet file"),
    (0, b"ARROW1", "an Arrow file"),
    (8, b"DUCK", "a DuckDB database"),
    (0, b"PK\x05\x06", "an empty zip file"),
    (0, b"BZh", "a bzip2 file"),
    (0, b"\xfd7zXZ", "an xz file"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z file"),
    (257, b"ustar", "a tar file"),
    (0, b"\x1f\x8b", "a gzip file in a gzip file"),
    (0, b"\x89PNG", "a PNG image"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x7fELF", "a program"),
)
"""Offset, bytes there, and what such a file is."""
_HINTS: Final = {
    "a Parquet file": "to take executions elsewhere, export a bundle: -o FILE.zip",
    "text, such as CSV": "to take executions elsewhere, export a bundle: -o FILE.zip",
    "a DuckDB database": "if it is one of ours: stepscope restore, or --data of its folder",
}
_CONTROLS: Final = frozenset(range(32)) - {9, 10, 12, 13}


def refuse_other_kind(path: object, head: bytes) -> None:
    """Refuse what is plainly something else.

    Args:
        path: of the file, to tell.
        head: its first bytes, unpacked.

    Raises:
        BadRequest: it is a kind of file that cannot be imported.
    """
    kind = _kind_of(head)
    if kind is not None:
        hint = _HINTS.get(kind, "unpack it, or see docs/portable.md")
        raise BadRequest(f"{path} looks like {kind}, which cannot be imported", hint=hint)


def _kind_of(head: bytes) -> str | None:
    for offset, magic, kind in _MAGIC:
        if head[offset:].startswith(magic):
            return kind
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else its last sign is cut
            return None
        text = head[: error.start].decode("utf-8")
    # a request in protobuf begins with 0x0a too, and has times and ids
    is_text = not _CONTROLS & set(text.encode()) and not head.startswith(b"\n")
    return "text, such as CSV" if is_text else None
