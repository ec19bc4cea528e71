"""The edge to the file system: limited reading, atomic writing, and errors that are one sentence with a remedy."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from matbench.errors import RecordError
from matbench.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

__all__ = [
    "FILE_LIMIT",
    "open_limited",
    "os_error",
    "printable",
    "read_bytes",
    "read_text",
    "replace_file",
    "sync_folder",
    "write_bytes",
    "write_text",
]

FILE_LIMIT = 256 * 2**20  # bytes: thousands of times a full run, and still no burden to hold in memory

_NO_SPACE = "there is no space left for it; free some and repeat the command"
_DENIED = "permission is denied; change its permissions or choose another folder"
_REMEDIES = {
    errno.ENOSPC: _NO_SPACE,
    getattr(errno, "EDQUOT", errno.ENOSPC): _NO_SPACE,
    errno.EFBIG: "the limit on the size of files is reached; raise it with `ulimit -f unlimited`",
    errno.EROFS: "its file system is read-only; choose another folder",
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EISDIR: "it is a folder; name a file",
    errno.ENOTDIR: "a part of its path is a file, not a folder; choose another path",
    errno.EEXIST: "something else already has that name; choose another path",
    errno.ENOENT: "there is no such file; check the path",
    errno.ENAMETOOLONG: "its name is too long; choose a shorter one",
    errno.ELOOP: "its symbolic links run in a circle; name the file itself",
}


def printable(text: object, limit: int = 200) -> str:
    r"""`text` as it may stand in a one-line message: no control or undecodable characters, at most `limit` long.

    Examples
    --------
    >>> printable("a\x1b[31mb\n")
    'a?[31mb?'
    """
    clean = "".join(letter if letter.isprintable() else "?" for letter in str(text)[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 2] + ".."


def os_error(error: OSError, path: Path, action: str) -> RecordError:
    """The one sentence for what the operating system refused.

    Parameters
    ----------
    error
        What it raised.
    path
        The file or folder that was asked for.
    action
        Past participle of the attempt: ``read`` or ``written``.
    """
    # Windows calls the opening of a folder a matter of permissions.
    code = errno.EISDIR if error.errno == errno.EACCES and _is_folder(path) else error.errno
    cause = _REMEDIES.get(code or 0, f"{error.strerror or error}; mend that or choose another path")
    return RecordError(f"{printable(path)} can't be {action}: {cause}")


def _is_folder(path: Path) -> bool:
    """Whether `path` is a folder, False where the system won't say."""
    with suppress(OSError):
        return path.is_dir()
    return False


@contextmanager
def open_limited(path: Path, limit: int = FILE_LIMIT) -> Iterator[BinaryIO]:
    """The bytes of a regular file that is no larger than `limit` bytes, as an open stream.

    A named pipe, a device or a folder is refused before a byte is read: reading one may never end.

    Raises
    ------
    RecordError
        If `path` is missing, unreadable, too large or no regular file.
    """
    descriptor = _open_regular(path, limit)
    try:
        with os.fdopen(descriptor, "rb") as stream:
            yield stream
    except OSError as error:
        raise os_error(error, path, "read") from error


def _open_regular(path: Path, limit: int) -> int:
    """The descriptor of the file, once it is known to be regular and no larger than `limit` bytes."""
    # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise os_error(error, path, "read") from error
    except ValueError as error:  # a null character within the path
        raise RecordError(f"{printable(path)} can't be read: {error}; check the path") from error
    try:
        _check_regular(os.fstat(descriptor), path, limit)
    except RecordError:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(status: os.stat_result, path: Path, limit: int) -> None:
    """Raise RecordError unless `status` is that of a regular file of at most `limit` bytes."""
    if stat.S_ISDIR(status.st_mode):
        raise RecordError(f"{printable(path)} is a folder; name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise RecordError(f"{printable(path)} is a pipe or a device; copy its contents to a file and name that")
    if status.st_size > limit:
        raise _too_large(path, limit)


def _too_large(path: Path, limit: int) -> RecordError:
    return RecordError(f"{printable(path)} is larger than {format_bytes(limit)}; name a file that matbench can hold")


def read_bytes(path: Path, limit: int = FILE_LIMIT) -> bytes:
    """The whole of a regular file that may come from a stranger.

    Parameters
    ----------
    path
        The file; a symbolic link to a regular file is followed.
    limit
        Largest size, bytes.

    Raises
    ------
    RecordError
        If it is missing, unreadable, too large or no regular file.
    """
    with open_limited(path, limit) as stream:
        data = stream.read(limit + 1)  # the file may have grown, and those under /proc say that they are empty
    if len(data) > limit:
        raise _too_large(path, limit)
    return data


def read_text(path: Path, limit: int = FILE_LIMIT) -> str:
    """The whole of a UTF-8 file, under the same conditions as `read_bytes`; a byte-order mark is dropped.

    Raises
    ------
    RecordError
        As `read_bytes`, and if the file is not UTF-8 text.
    """
    try:
        return read_bytes(path, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(
            f"{printable(path)} is not UTF-8 text (byte {error.start}); name a text file or convert it to UTF-8"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 under the conditions of `write_bytes`; line ends are written as they stand."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` wholly or not at all, in place of what `path` held; a missing folder is created.

    Only a symbolic link, a device or a pipe is written to directly, as any program would: replacing ``/dev/stdout``
    by a file would help nobody.

    Raises
    ------
    RecordError
        If `path` is a folder or can't be written, or no space is left.
    """
    if _is_folder(path):
        raise RecordError(f"{printable(path)} is a folder; name a file in it")
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            path.write_bytes(data)
            return
    except OSError as error:
        raise os_error(error, path, "written") from error
    replace_file(path, data)


def replace_file(path: Path, data: bytes) -> None:
    """Put a file with `data` at `path` in one step: readers see the old contents or the new, never a part.

    Links are not followed: one at `path` is itself replaced.

    Raises
    ------
    RecordError
        If it can't be written; what was there is then as before.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex[:12]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise os_error(error, path, "written") from error


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` reach the disk, where the system lets folders be synchronised."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
