"""Reads bundles (query/export/bundle.py writes them), a member at a time."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.importing.piece import Piece, signal_of
from stepscope_collector.query.export.bundle import BUNDLE_FORMAT, BUNDLE_VERSION, MANIFEST

__all__ = ["read_bundle"]

_MAX_MEMBER_BYTES: Final = 256 * 1024 * 1024
"""Of one request, unpacked; an export ends them at about 4 MiB."""
_MAX_MANIFEST_BYTES: Final = 1024 * 1024 * 1024


def read_bundle(path: Path) -> Iterator[Piece]:
    """Its requests; all members are checked before the first.

    Raises:
        BadRequest: it is no bundle, one of a newer version, or damaged; nothing was given then.
    """
    with _opened(path) as file:
        members = _members(path, file)
        for name in members:
            _body(path, file, members, name)
        done = 0
        for name, about in members.items():
            if (signal := signal_of(about.get("signal"))) is None:
                continue
            times = name.removesuffix(".otlp") + ".json"
            ingested: Any = ()
            if times in members:
                ingested = _json(path, _body(path, file, members, times))
            done += file.getinfo(name).compress_size
            yield Piece(signal, _body(path, file, members, name), name, done, ingested)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as file:
            yield file
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise BadRequest(f"{path} is damaged: {error}", hint="export it again") from error


def _members(path: Path, file: zipfile.ZipFile) -> dict[str, dict[str, Any]]:
    """What the manifest says of each member, by name."""
    if MANIFEST not in file.namelist():
        raise BadRequest(f"{path} is a zip file and no bundle", hint="it has no manifest.json")
    if file.getinfo(MANIFEST).file_size > _MAX_MANIFEST_BYTES:
        raise BadRequest(f"{path} is damaged: its manifest is too large")
    manifest = _json(path, file.read(MANIFEST))
    if not isinstance(manifest, dict) or manifest.get("format") != BUNDLE_FORMAT:
        raise BadRequest(f"{path} is a zip file and no bundle", hint="see manifest.json")
    version = manifest.get("format_version")
    if not isinstance(version, int) or version > BUNDLE_VERSION:
        raise BadRequest(
            f"{path} has format_version={version}, this import knows {BUNDLE_VERSION}",
            hint="pip install --upgrade stepscope-collector",
        )
    try:
        members = {str(each["name"]): dict(each) for each in manifest["members"]}
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"{path} is damaged: its manifest lists no members") from error
    return members


def _body(
    path: Path, file: zipfile.ZipFile, members: dict[str, dict[str, Any]], name: str
) -> bytes:
    """The bytes of a member, checked."""
    try:
        info = file.getinfo(name)
    except KeyError:
        raise BadRequest(f"{path} is damaged: {name} is missing", hint="export it again") from None
    if info.file_size > _MAX_MEMBER_BYTES:
        raise BadRequest(f"{path} is damaged: {name} has {info.file_size} bytes")
    body = file.read(info)
    if hashlib.sha256(body).hexdigest() != members[name].get("sha256"):
        raise BadRequest(
            f"{path} is damaged: {name} has another checksum", hint="export or copy it again"
        )
    return body


def _json(path: Path, body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{path} is damaged: {error}", hint="export it again") from error
