"""The consuming side of a BPF ring buffer (kernel: Documentation/bpf/ringbuf.rst).

The kernel maps the buffer as three pieces: a page that holds our position (writable), a page that holds the
producers' position, and the data, twice in a row, so that a record that passes the end still lies in one piece. A
record is an 8-byte header, whose first word is the length with two flag bits, and the payload, rounded up to 8 bytes.
"""

from __future__ import annotations

import mmap

from ..lean import Callable
from .errors import CAP_BPF, refusal
from .maps import Map

_BUSY = 1 << 31
_DISCARD = 1 << 30
_LENGTH = _DISCARD - 1
_HEADER = 8


class RingBuffer:
    """Reads the records of a ring-buffer map in the order in which they were reserved.

    Reading stops at a record that is still being written. Space is given back to the producers once a call of
    `read` or `scan` returns, so `max_records` bounds how long they wait for it. Raises `KernelRefused` when the map
    cannot be mapped. The memory order relied on (loads stay in order) is that of x86.
    """

    def __init__(self, source: Map) -> None:
        page = mmap.PAGESIZE
        self.size = source.spec.max_entries
        self._fd = source.fd
        try:
            self._consumer = mmap.mmap(source.fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
            self._producer = mmap.mmap(source.fd, page + 2 * self.size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        except OSError as error:
            raise refusal(f"map the ring buffer {source.spec.name}", error.errno or 0, (CAP_BPF,)) from None
        self._data_at = page
        self._consumer_view = memoryview(self._consumer)
        self._producer_view = memoryview(self._producer)
        self._consumer_words = self._consumer_view.cast("Q")
        self._producer_words = self._producer_view.cast("Q")
        self._headers = self._producer_view.cast("I")

    def fileno(self) -> int:
        """The map's descriptor: epoll(7) reports it readable when a record was submitted with a wake-up."""
        return self._fd

    @property
    def pending(self) -> int:
        """Bytes between our position and the producers', headers and unfinished records included."""
        return self._producer_words[0] - self._consumer_words[0]

    def read(self, into: list[bytes], max_records: int = 65536) -> int:
        """Append up to `max_records` records to `into`; returns how many records were passed, discarded ones too."""
        headers, memory, append = self._headers, self._producer, into.append
        base, mask = self._data_at, self.size - 1
        position = self._consumer_words[0]
        end = self._producer_words[0]
        count = 0
        while position < end and count < max_records:
            start = base + (position & mask)
            header = headers[start >> 2]
            if header & _BUSY:
                break
            count += 1
            length = header & _LENGTH
            if header < _DISCARD:
                append(memory[start + _HEADER : start + _HEADER + length])
            position += (length + _HEADER + 7) & ~7
        self._consumer_words[0] = position
        return count

    def scan(self, handler: Callable[[mmap.mmap, int, int], None], max_records: int = 65536) -> int:
        """Call `handler(memory, offset, length)` for up to `max_records` records, in place: no copy is made.

        `struct.unpack_from(memory, offset)` decodes one; nothing may be kept that points into `memory`. Returns how
        many records were passed, discarded ones too. When the handler raises, its record counts as read.
        """
        headers, memory = self._headers, self._producer
        base, mask = self._data_at, self.size - 1
        position = self._consumer_words[0]
        end = self._producer_words[0]
        count = 0
        try:
            while position < end and count < max_records:
                start = base + (position & mask)
                header = headers[start >> 2]
                if header & _BUSY:
                    break
                count += 1
                length = header & _LENGTH
                position += (length + _HEADER + 7) & ~7
                if header < _DISCARD:
                    handler(memory, start + _HEADER, length)
        finally:
            self._consumer_words[0] = position
        return count

    def close(self) -> None:
        """Unmap. The map's own descriptor stays with its `Map`."""
        if self._consumer.closed:
            return
        for view in (self._consumer_words, self._producer_words, self._headers):
            view.release()
        self._consumer_view.release()
        self._producer_view.release()
        self._consumer.close()
        self._producer.close()

    def __enter__(self) -> RingBuffer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
