"""The bytes of a file as UTF-8 chunks: opened through fsspec, unpacked, byte order mark and UTF-16 resolved."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from mig_dagster.sources.locations import open_binary
from mig_dagster.sources.records import SourceFileError

CHUNK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@contextmanager
def opened(uri: str) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a file for reading, unpacked when its first bytes are those of gzip, whatever its name.

    Raises:
        SourceFileError: it cannot be opened or read, or its gzip data is damaged or ends early.
    """
    try:
        with open_binary(uri) as packed:
            head = packed.read(2)
            packed.seek(0)
            # One byte of gzip is a download that broke off, not a text file.
            if head == _GZIP_MAGIC or (head == _GZIP_MAGIC[:1] and uri.endswith(".gz")):
                with gzip.GzipFile(fileobj=packed) as unpacked:
                    yield unpacked
            else:
                yield packed
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        problem = f"the gzip data is damaged or cut short ({error})"
        raise SourceFileError(uri, None, problem, "Download the file again and check its size") from error
    except OSError as error:
        raise SourceFileError(uri, None, f"cannot be read ({error})", "Check the path and who may read it") from error


def utf8_chunks(file: IO[bytes] | gzip.GzipFile, uri: str) -> Iterator[bytes]:
    """Yield a file's text as UTF-8 in chunks of about a MiB, without the byte order mark.

    What UTF-16 cannot mean (half a pair) becomes bytes that are not UTF-8, so that it costs its own record only.

    Raises:
        SourceFileError: UTF-16 text that ends within a character.
    """
    head = file.read(CHUNK_BYTES)
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
        raise SourceFileError(uri, "at its end", problem, "Download the file again and check its size") from error
