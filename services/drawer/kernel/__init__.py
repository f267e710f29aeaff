"""
The fast path of the selection: the walk over the frame as a small C library, where a compiler built it.

``python -m services.drawer.kernel`` builds it (``make`` does, where there is ``cc``). Without it, with another hash than
SHA-256, or if it does not draw a few entities known beforehand, the plain walk runs; both draw the same, byte for byte.
"""

import ctypes
import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from services.drawer.domain.encoding import Hash
from services.drawer.domain.frame import Kind, Rows, kind_of
from services.drawer.domain.selection import EVERY_TICKET, Kept, Smallest, Walk, plain_walk

SOURCE = Path(__file__).with_name("walk.c")
LIBRARY = Path(__file__).with_name("walk.native")  # not .so: that would be a Python module of its own
BLOCK_BYTES = 1024 * 1024  # of rows at a time
BLOCK_ROWS = 16 * 1024  # where they come one by one
MOST_THREADS = 4
_DONE, _UNKNOWN_TAIL, _NO_ROW, _NO_MEMORY = 0, 1, 2, 3
_LONGEST_LINE = 65  # an id with its line feed


def walk_of(h: Hash) -> Walk:
    """Choose the walk for hash *h*: the library's where it can be relied on, else the plain one."""
    return (_native() or plain_walk) if h.name == "sha256" else plain_walk


@cache
def _native() -> Walk | None:
    if not LIBRARY.exists():
        return None
    try:
        walk = native_walk(LIBRARY)
    except (OSError, AttributeError):  # built for another machine, or by another release
        return None
    return walk if _draws_what_is_known(walk) else None


def _draws_what_is_known(walk: Walk) -> bool:
    key, kind = b"0123456789abcdef0123456789abcdef", Kind("S", ("L",))
    ids = ["A", "91640221DEM0003132", "x" * 22, "y" * 23, "z" * 64]
    rows = "".join(f"{each}\tS\tL\n" for each in ids).encode()
    kept = walk(Hash("sha256", hashlib.sha256), key, {"0": lambda: io.BytesIO(rows)}, {kind: EVERY_TICKET})
    wanted = sorted(ids, key=lambda each: hashlib.sha256(key + b"|" + each.encode()).digest())
    return kept.smallest([kind], len(ids), ()) == (wanted, [kind] * len(ids))


def native_walk(library: Path, *, portable: bool = False, threads: int | None = None) -> Walk:
    """
    Load the walk of *library*.

    Args:
        library: As ``python -m services.drawer.kernel`` builds it.
        portable: Leave the processor's own SHA-256 aside.
        threads: How many walk at once; None: as many as there are processors, at most four.

    Raises:
        OSError, AttributeError: it is none.
    """
    lib = _declared(ctypes.CDLL(str(library)))
    many = threads or min(os.cpu_count() or 1, MOST_THREADS)

    def walk(h: Hash, key: bytes, frame: Mapping[str, Rows], bounds: Mapping[Kind, bytes]) -> Kept:
        kept = _Kept(lib, bounds)
        with ExitStack() as walking:
            walkers: SimpleQueue[_Walker] = SimpleQueue()
            for _ in range(many):
                walkers.put(kept.walker(key, portable))
            pool = walking.enter_context(ThreadPoolExecutor(many))
            under_way: deque[Future[bool]] = deque()
            whole = True
            for block in _blocks(frame.values()):
                under_way.append(pool.submit(_walk_block, walkers, block))
                if len(under_way) > many:
                    whole = under_way.popleft().result() and whole
            whole = all(done.result() for done in under_way) and whole
        if not whole:  # rows that no survey would pass: as the plain walk takes them
            return plain_walk(h, key, frame, bounds)
        kept.end()
        return kept

    return walk


def _declared(lib: ctypes.CDLL) -> ctypes.CDLL:
    size, pointer, octets = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_char_p
    number, numbers = ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint32)
    walks = ctypes.POINTER(pointer)
    for name, gives, takes in (
        ("walk_new", pointer, (octets, ctypes.c_int)),
        ("walk_free", None, (pointer,)),
        ("walk_take", ctypes.c_int, (pointer, octets, size, number, ctypes.c_int, ctypes.c_int, ctypes.c_uint64)),
        ("walk_rows", ctypes.c_int, (pointer, pointer, size, ctypes.POINTER(size))),
        ("walk_end", ctypes.c_int, (pointer, size)),
        ("walks_kept", size, (walks, size, numbers, size)),
        (
            "walks_smallest",
            ctypes.c_ssize_t,
            (walks, size, numbers, size, size, octets, ctypes.POINTER(size), numbers),
        ),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = gives, takes
    return lib


class _Walker:
    """One thread's part of a walk."""

    def __init__(self, lib: ctypes.CDLL, handle: int, kept: "_Kept") -> None:
        self._lib, self._handle, self._kept = lib, handle, kept

    def rows(self, block: bytes) -> bool:
        """Walk the whole rows of *block*; False if it holds anything else."""
        at = ctypes.cast(ctypes.c_char_p(block), ctypes.c_void_p).value or 0
        begin, used = 0, ctypes.c_size_t()
        while True:
            verdict = self._lib.walk_rows(self._handle, at + begin, len(block) - begin, ctypes.byref(used))
            if verdict == _NO_MEMORY:
                raise MemoryError
            begin += used.value
            if verdict != _UNKNOWN_TAIL:
                return verdict == _DONE and begin == len(block)
            self._tell(block[block.index(b"\t", begin) + 1 : block.index(b"\n", begin) + 1])

    def _tell(self, tail: bytes) -> None:
        """Say what becomes of rows with this *tail*."""
        number, bound = self._kept.number_and_bound(tail)
        every = bound is not None and len(bound) > 8
        below = int.from_bytes(bound[:8], "big") if bound is not None else 0
        if self._lib.walk_take(self._handle, tail, len(tail), number, bound is not None, every, below):
            raise MemoryError


def _walk_block(walkers: "SimpleQueue[_Walker]", block: bytes) -> bool:
    walker = walkers.get()
    try:
        return walker.rows(block)
    finally:
        walkers.put(walker)


class _Kept:
    """``Kept`` by the library: the tickets stay with it, and only the ids of those drawn come out."""

    def __init__(self, lib: ctypes.CDLL, bounds: Mapping[Kind, bytes]) -> None:
        self._lib, self._bounds = lib, bounds
        self._kinds = list(bounds)
        self._numbers = {kind: number for number, kind in enumerate(self._kinds)}
        self._handles: list[int] = []

    def __del__(self) -> None:
        for handle in self._handles:
            self._lib.walk_free(handle)

    def walker(self, key: bytes, portable: bool) -> _Walker:
        handle = self._lib.walk_new(key + b"|", portable)
        if not handle:
            raise MemoryError
        self._handles.append(handle)
        return _Walker(self._lib, handle, self)

    def number_and_bound(self, tail: bytes) -> tuple[int, bytes | None]:
        kind = kind_of(tail)
        return self._numbers.get(kind, 0), self._bounds.get(kind)

    def end(self) -> None:
        for handle in self._handles:
            if self._lib.walk_end(handle, len(self._kinds)):
                raise MemoryError

    def smallest(self, kinds: Collection[Kind], wanted: int, barred: Collection[str]) -> Smallest:
        count, walks = len(self._handles), (ctypes.c_void_p * len(self._handles))(*self._handles)
        of = (ctypes.c_uint32 * len(kinds))(*(self._numbers[kind] for kind in kinds))
        most = min(wanted + len(barred), self._lib.walks_kept(walks, count, of, len(kinds)))
        ids = ctypes.create_string_buffer(_LONGEST_LINE * most + 1)
        length, of_each = ctypes.c_size_t(), (ctypes.c_uint32 * most)()
        found = self._lib.walks_smallest(
            walks, count, of, len(kinds), most, ids, ctypes.byref(length), of_each
        )  # fmt: skip
        if found < 0:
            raise MemoryError
        names = str(memoryview(ids)[: length.value], "utf-8").split("\n")[:-1]
        drawn = list(map(self._kinds.__getitem__, of_each))
        if barred:
            left = [place for place in zip(names, drawn, strict=True) if place[0] not in barred]
            names, drawn = [name for name, _ in left], [kind for _, kind in left]
        return names[:wanted], drawn[:wanted]


def _blocks(shards: Iterable[Rows]) -> Iterator[bytes]:
    """Cut every shard into blocks of whole rows: a file by its bytes, anything else by its rows."""
    for rows in shards:
        source = rows()
        read: Callable[[int], bytes] | None = getattr(source, "read", None)
        if read is None:
            one_by_one = iter(source)
            while block := b"".join(islice(one_by_one, BLOCK_ROWS)):
                yield block
            continue
        rest = b""
        while block := read(BLOCK_BYTES):
            end = block.rfind(b"\n") + 1
            if end:
                yield rest + block[:end]
                rest = block[end:]
            else:
                rest += block
        if rest:
            yield rest
