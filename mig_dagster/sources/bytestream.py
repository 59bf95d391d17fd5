"""The bytes of a file as UTF-8 chunks: opened through fsspec, unpacked, byte order mark and UTF-16 resolved."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa

from mig_dagster.sources.locations import open_binary
from mig_dagster.sources.records import SourceFileError

CHUNK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DOWNLOAD = "Download the file again and check its size"


class Unpacked(io.BufferedReader):
    """The bytes inside a compressed file; they are read once, from the beginning on."""


class _ZstdError(Exception):
    """Compressed data that ends early, or is followed by something else."""


class _ZstdStream(io.RawIOBase):
    """All frames of a zstd file, one after the other."""

    def __init__(self, packed: Any) -> None:
        self._stream = pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd")

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, at the end of the file less of it."""
        try:
            data = self._stream.read(len(buffer))
        except (pa.ArrowException, OSError) as error:
            raise _ZstdError(str(error)) from error
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def opened(uri: str) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacked when its first bytes are those of gzip or zstd, whatever its name.

    Raises:
        SourceFileError: it cannot be opened or read, or its compressed data is damaged or ends early.
    """
    try:
        with open_binary(uri) as packed:
            kind = _compression(packed.read(len(_ZSTD_MAGIC)), uri)
            packed.seek(0)
            if kind is None:
                yield packed
            else:
                raw = gzip.GzipFile(fileobj=packed) if kind == "gzip" else _ZstdStream(packed)
                with Unpacked(raw) as unpacked:
                    yield unpacked
    except (EOFError, gzip.BadGzipFile, zlib.error, _ZstdError) as error:
        kind = "zstd" if isinstance(error, _ZstdError) else "gzip"
        problem = f"the {kind} data is damaged or cut short ({error})"
        raise SourceFileError(uri, None, problem, _DOWNLOAD) from error
    except OSError as error:
        raise SourceFileError(uri, None, f"cannot be read ({error})", "Check the path and who may read it") from error


def _compression(head: bytes, uri: str) -> str | None:
    """Return how a file is compressed; one that holds no more than the beginning of a mark is a broken download."""
    for kind, magic, suffix in (("gzip", _GZIP_MAGIC, ".gz"), ("zstd", _ZSTD_MAGIC, ".zst")):
        cut = bool(head) and magic.startswith(head) and uri.lower().endswith(suffix)
        if head.startswith(magic) or cut:
            return kind
    return None


def utf8_chunks(file: IO[bytes], uri: str, head: bytes = b"") -> Iterator[bytes]:
    """Yield a file's text as UTF-8 in chunks of about a MiB, without the byte order mark.

    What UTF-16 cannot mean (half a pair) becomes bytes that are not UTF-8, so that it costs its own record only.

    Args:
        file: to be read on from where it stands.
        uri: the file, for the message.
        head: what was read of it before.

    Raises:
        SourceFileError: UTF-16 text that ends within a character.
    """
    head += file.read(CHUNK_BYTES)
    if not head.startswith(_UTF_16_MARKS):
        yield head.removeprefix(codecs.BOM_UTF8)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
        return
    decoder = codecs.getincrementaldecoder("utf-16")(errors="surrogatepass")
    while head:
        yield decoder.decode(head).encode("utf-8", "surrogatepass")
        head = file.read(CHUNK_BYTES)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        problem = "the UTF-16 text ends within a character"
        raise SourceFileError(uri, "at its end", problem, _DOWNLOAD) from error
