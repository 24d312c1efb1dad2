"""S3 and what speaks like it: conditional writes, reads held to one version, versioned buckets.

s3fs drops arguments that it does not expect, and some of its calls hide the ETag of what
they wrote; so the requests are made one by one, through its connection.

Rule 1: every put of data carries its condition: ``If-None-Match: *``, or ``If-Match``.
Rule 2: an upload in parts ends by being completed or by being aborted, whatever happens.
Rule 3: an error of the connection says nothing about what happened at the other end: it is
tried again, and the condition tells whether the first one got through.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.client import IncompleteRead
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
from botocore.exceptions import BotoCoreError, HTTPClientError, NoCredentialsError
from botocore.parsers import ResponseParserError
from fsspec.asyn import sync

from assetkit.faultpoints import reach
from assetkit.io.object_store import (
    Capabilities,
    Moved,
    ObjectStore,
    Upload,
    Version,
    replaced,
    signature,
)
from assetkit.records import FileSignature

_T = TypeVar("_T")

SINGLE: Final = 100_000_000
"""Bytes up to which an object goes in one request."""

_PART: Final = 64 << 20
_PARTS: Final = 10_000
_PATIENCE: Final = (0.1, 0.5, 2.0)
"""Seconds between tries where the store is busy, after those that botocore makes itself."""

_NEVER: Final = datetime.fromtimestamp(0, UTC)
_LOST: Final = (
    HTTPClientError,
    ResponseParserError,
    IncompleteRead,
    aiohttp.ClientError,
    TimeoutError,
    ConnectionError,
)
"""What a connection that is cut or slow comes to."""

_REFUSED: Final = frozenset({"PreconditionFailed", "412"})
_BUSY: Final = frozenset(
    [
        "ConditionalRequestConflict",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        *("409", "500", "502", "503", "504"),
    ]
)


class S3Store(ObjectStore):
    """A prefix in a bucket."""

    def __init__(self, system: Any, root: str, capabilities: Capabilities) -> None:
        super().__init__(system, root, capabilities)
        system.retries = 1  # s3fs would try again what is tried again here

    def look(self, key: str) -> FileSignature | None:
        """Return which version of an object is there, None where none is."""
        try:
            found = self._ask("head_object", key)
        except FileNotFoundError:
            return None
        return signature(found["ContentLength"], found["ETag"])

    def read(
        self, key: str, start: int = 0, end: int | None = None, *, of: FileSignature | None = None
    ) -> bytes:
        """Return the bytes of an object, or a range of them, of the version *of*."""
        more: dict[str, Any] = {}
        if start or end is not None:
            more["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        if of is not None:
            more["IfMatch"] = f'"{of.etag}"'
        try:
            return self._get(key, **more)[0]
        except Moved:
            raise replaced(key) from None

    def tail(self, key: str, size: int) -> tuple[bytes, FileSignature]:
        """Return the last bytes of an object, and which version it is: one request."""
        try:
            content, found = self._get(key, Range=f"bytes=-{size}")
        except OSError as error:
            if _code(error) not in {"InvalidRange", "416"}:
                raise
            content, found = self._get(key)  # an empty object has no range
        total = found.get("ContentRange", "").rpartition("/")[2]
        return content, signature(int(total) if total else len(content), found["ETag"])

    def put(self, key: str, content: Path | bytes, expected: FileSignature | None) -> FileSignature:
        """Replace the version *expected* (None: nothing) in one step; return what is there now."""
        held = {"IfNoneMatch": "*"} if expected is None else {"IfMatch": f'"{expected.etag}"'}
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        if size > SINGLE and not isinstance(content, bytes):
            return signature(size, self._put_in_parts(key, content, size, held))
        body = content if isinstance(content, bytes) else content.read_bytes()
        try:
            done = self._ask("put_object", key, Body=body, **held)
        except FileNotFoundError as error:
            if expected is None or _code(error) == "NoSuchBucket":
                raise
            raise Moved(key) from None  # If-Match, and nothing is there
        return signature(size, done["ETag"])

    def write(self, key: str, content: bytes) -> None:
        """Put a small object, whatever is there."""
        self._ask("put_object", key, Body=content)

    def remove(self, key: str) -> None:
        """Remove an object; nothing there is no error."""
        self._ask("delete_object", key)

    def copy(self, key: str, to: str) -> None:
        """Copy an object within the store, without reading it here."""
        _patiently(lambda: self._system.cp_file(self._path(key), self._path(to)), key)

    def find(self, prefix: str = "") -> dict[str, FileSignature]:
        """Return all objects below a folder, by key: as the store lists them now."""
        return _patiently(lambda: ObjectStore.find(self, prefix), prefix)

    def keeps_versions(self) -> bool:
        """Return whether the bucket's versioning is switched on."""
        bucket, _, _ = self._system.split_path(self._root)
        found = _patiently(lambda: self._system.call_s3("get_bucket_versioning", Bucket=bucket))
        return bool(found.get("Status") == "Enabled")

    def versions(self, key: str) -> list[Version]:
        """Return the versions of an object, oldest first."""
        found = [
            Version(key, one["VersionId"], one["LastModified"], bool(one["IsLatest"]))
            for page in self._pages("list_object_versions", key, "KeyMarker", "VersionIdMarker")
            for one in page.get("Versions", ())
            if one["Key"] == self._split(key)[1]
        ]
        return found[::-1]  # the store lists the newest first

    def read_version(self, version: Version) -> bytes:
        """Return what an object was in one of its versions."""
        return self._get(version.key, VersionId=version.id)[0]

    def uploads(self) -> Iterator[Upload]:
        """Yield the uploads in parts below the root that were begun and never ended."""
        top = self._split("")[1].rstrip("/")
        for page in self._pages("list_multipart_uploads", "", "KeyMarker", "UploadIdMarker"):
            for one in page.get("Uploads", ()):
                key = one["Key"].removeprefix(f"{top}/") if top else one["Key"]
                yield Upload(key, one["UploadId"], one["Initiated"])

    def abort(self, upload: Upload) -> None:
        """End an upload, and drop its parts; one that is gone is no error."""
        try:
            self._ask("abort_multipart_upload", upload.key, UploadId=upload.id)
        except FileNotFoundError:
            return

    def _put_in_parts(self, key: str, file: Path, size: int, held: dict[str, str]) -> str:
        upload = self._ask("create_multipart_upload", key)["UploadId"]
        length = max(_PART, -(-size // _PARTS))
        try:
            reach("store.begun")
            parts: list[dict[str, Any]] = []
            with file.open("rb") as opened:
                while body := opened.read(length):
                    number = len(parts) + 1
                    done = self._ask(
                        "upload_part", key, UploadId=upload, PartNumber=number, Body=body
                    )
                    parts.append({"PartNumber": number, "ETag": done["ETag"]})
                    reach("store.part")
            finished = self._ask(
                "complete_multipart_upload",
                key,
                UploadId=upload,
                MultipartUpload={"Parts": parts},
                **held,
            )
        except BaseException:
            self._abort_quietly(Upload(key, upload, _NEVER))
            raise
        return str(finished["ETag"])

    def _abort_quietly(self, upload: Upload) -> None:
        """Abort an upload on the way out: what made it fail is what is to be told."""
        try:
            self.abort(upload)
        except OSError:
            return  # `vacuum` finds it

    def _ask(self, method: str, key: str, **arguments: Any) -> Any:
        bucket, path = self._split(key)
        return _patiently(
            lambda: self._system.call_s3(method, Bucket=bucket, Key=path, **arguments), key
        )

    def _get(self, key: str, **arguments: Any) -> tuple[bytes, Any]:
        """Read an object to its end; a connection that is cut on the way is tried again."""
        bucket, path = self._split(key)

        async def get() -> tuple[bytes, Any]:
            found = await self._system._call_s3(  # noqa: SLF001, the body is read in its loop
                "get_object", Bucket=bucket, Key=path, **arguments
            )
            async with found["Body"] as body:
                return await body.read(), found

        found: tuple[bytes, Any] = _patiently(lambda: sync(self._system.loop, get), key)
        return found

    def _pages(self, method: str, key: str, *markers: str) -> Iterator[Any]:
        bucket, path = self._split(key)
        at: dict[str, str] = {}
        while True:
            page = _patiently(
                lambda at=dict(at): self._system.call_s3(  # type: ignore[misc]
                    method, Bucket=bucket, Prefix=path, **at
                )
            )
            yield page
            if not page.get("IsTruncated"):
                return
            at = {marker: page[f"Next{marker}"] for marker in markers}

    def _split(self, key: str) -> tuple[str, str]:
        bucket, path, _ = self._system.split_path(f"{self._root}/{key}")
        return bucket, path


def _patiently(ask: Callable[[], _T], key: str = "") -> _T:
    """Make a request; again where the store was busy, or the connection was lost.

    Raises:
        Moved: its condition does not hold.
        OSError: whatever else the store says, after some tries.
    """
    for pause in (*_PATIENCE, None):
        try:
            return ask()
        except (OSError, BotoCoreError, *_LOST) as error:
            if isinstance(error, FileExistsError) or _code(error) in _REFUSED:
                raise Moved(key) from None
            if pause is None or not _may_pass(error):
                raise _as_os_error(error) from error
            time.sleep(pause)
    raise AssertionError  # the last pause is None


def _may_pass(error: Exception) -> bool:
    return _code(error) in _BUSY or isinstance(error, _LOST)


def _code(error: BaseException) -> str:
    """Return the store's own name for an error; s3fs gives it Python's and keeps it as a cause."""
    answer = getattr(error, "response", None) or getattr(error.__cause__, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))


def _as_os_error(error: Exception) -> OSError:
    if isinstance(error, OSError):
        return error
    if isinstance(error, NoCredentialsError):
        return PermissionError(
            "no credentials were found. Set AWS_PROFILE or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or give Workspace(..., storage_options={...})"
        )
    return OSError(errno.EIO, f"{type(error).__name__}: {error}")
