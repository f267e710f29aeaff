"""The library of the walk draws whom the plain walk draws, byte for byte, on every frame; without it the plain walk runs."""

import io
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.drawer import kernel
from services.drawer.domain.encoding import SHA256, SM3
from services.drawer.domain.frame import Kind, Rows, rows_of
from services.drawer.domain.selection import EVERY_TICKET, Walk, plain_walk
from services.drawer.kernel import __main__ as building
from services.drawer.kernel import native_walk, walk_of
from tests.tier.missing import Missing, give_up

ROOT = Path(__file__).parents[3]
KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module", autouse=True)
def compiler() -> None:
    if shutil.which("cc") is None:
        give_up(Missing("cc is not installed (tests/provide.py)"))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("kernel") / "walk.native"
    subprocess.run(["cc", *building.FLAGS, "-o", made, kernel.SOURCE], check=True, timeout=120)
    return made


@pytest.fixture(
    scope="module",
    params=[(False, 1), (True, 1), (False, 3)],
    ids=["the processor's own", "portable", "three threads"],
)
def walk(library: Path, request: pytest.FixtureRequest) -> Walk:
    portable, threads = request.param
    return native_walk(library, portable=portable, threads=threads)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that end within rows."""
    monkeypatch.setattr(kernel, "BLOCK_BYTES", 97)


def same(walk: Walk, frame: Mapping[str, Rows], bounds: dict[Kind, bytes], barred: Collection[str] = ()) -> int:
    """Compare with the plain walk what both kept of every kind, of some and of all; return how much that is."""
    kept, plain = walk(SHA256, KEY, frame, bounds), plain_walk(SHA256, KEY, frame, bounds)
    kinds = list(bounds)
    for some in (*([kind] for kind in kinds[:2]), kinds[::2], kinds, []):
        everything = plain.smallest(some, 1_000_000, ())
        for wanted in {0, 1, len(everything[0]) // 2, len(everything[0]), len(everything[0]) + 1}:
            assert kept.smallest(some, wanted, barred) == plain.smallest(some, wanted, barred)
    return len(plain.smallest(kinds, 1_000_000, ())[0])


NAMES = st.text("0123456789ABCxyz._-", min_size=1, max_size=64)
KINDS = st.builds(Kind, NAMES, st.lists(NAMES, min_size=1, max_size=3, unique=True).map(lambda x: tuple(sorted(x))))
BOUNDS = st.one_of(st.none(), st.just(EVERY_TICKET), st.binary(min_size=8, max_size=8))


@st.composite
def frames(draw: st.DrawFn) -> tuple[dict[str, Rows], dict[Kind, bytes]]:
    bounds = draw(st.dictionaries(KINDS, BOUNDS, min_size=1, max_size=90))
    kinds = list(bounds)
    shards: dict[str, Rows] = {}
    names = sorted(draw(st.sets(NAMES, max_size=90)))
    for shard in range(many := draw(st.integers(1, 3))):
        ids = names[shard::many]
        chosen = [kinds[draw(st.integers(0, len(kinds) - 1))] for _ in ids]
        rows = [f"{name}\t{kind.stratum}\t{','.join(kind.lines)}\n" for name, kind in zip(ids, chosen, strict=True)]
        shards[str(shard)] = rows_of("".join(rows).encode())
    return shards, {kind: bound for kind, bound in bounds.items() if bound is not None}


@settings(max_examples=100, deadline=None)
@given(frames())
def test_it_keeps_what_the_plain_walk_keeps(walk: Walk, made: tuple[dict[str, Rows], dict[Kind, bytes]]) -> None:
    frame, bounds = made
    same(walk, frame, bounds, ["0", "A", "xyz"])


def many(rows: int, kinds: int) -> tuple[bytes, dict[Kind, bytes]]:
    said = [Kind(f"S{n % 7}", (f"L{n:04d}",)) for n in range(kinds)]
    text = "".join(f"{n:0{1 + n % 64}d}\t{said[n % kinds].stratum}\t{said[n % kinds].lines[0]}\n" for n in range(rows))
    half = (1 << 63).to_bytes(8, "big")
    return text.encode(), {kind: EVERY_TICKET if n % 3 else half for n, kind in enumerate(said) if n % 5}


@pytest.mark.usefixtures("narrow")
def test_blocks_that_end_within_rows_change_nothing(walk: Walk) -> None:
    text, bounds = many(3_000, 300)
    frame = {"a": rows_of(text[: text.index(b"\n", 20_000) + 1]), "b": rows_of(text[text.index(b"\n", 20_000) + 1 :])}
    assert same(walk, frame, bounds, [f"{n:0{1 + n % 64}d}" for n in range(0, 3_000, 7)]) > 1_000


def test_rows_that_are_given_one_by_one_are_taken_too(walk: Walk) -> None:
    text, bounds = many(500, 9)
    rows: dict[str, Rows] = {"a": lambda: text.splitlines(keepends=True)}
    assert same(walk, rows, bounds) > 100


@pytest.mark.parametrize("bad", [b"A" * 65 + b"\tS0\tL0000\n", b"A\tS0\tL0000", b"\xc3\xa9\tS0\tL0000\n", b""])
def test_what_no_survey_would_pass_is_taken_as_the_plain_walk_takes_it(bad: bytes, walk: Walk) -> None:
    text, bounds = many(40, 4)
    bounds |= {Kind("S0", ("L0000",)): EVERY_TICKET, Kind("S0", ("L000",)): EVERY_TICKET}
    frame = {"a": rows_of(text + bad), "b": rows_of(text.replace(b"\tS", b"x\tS"))}
    assert same(walk, frame, bounds) > 50


SANITIZED = """
import sys
from pathlib import Path
from services.drawer import kernel
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.frame import rows_of
from tests.unit.drawer.test_kernel import KEY, many
kernel.BLOCK_BYTES = 97
for portable in (False, True):
    walk = kernel.native_walk(Path(sys.argv[1]), portable=portable)
    text, bounds = many(2_000, 300)
    kept = walk(SHA256, KEY, {"a": rows_of(text)}, bounds)
    assert len(kept.smallest(list(bounds), 10_000, ())[0]) > 1_000
    for odd in (b"A\\tS0", b"x" * 65 + b"\\tS0\\tL0000\\n"):
        walk(SHA256, KEY, {"a": rows_of(text + odd)}, bounds)
print("walked")
"""


def test_no_byte_is_read_or_written_out_of_bounds(tmp_path: Path) -> None:
    flags = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(
        ["cc", *building.FLAGS, *flags, "-o", tmp_path / "walk.native", kernel.SOURCE], check=True, timeout=120
    )
    asan = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout
    done = subprocess.run(
        [sys.executable, "-c", SANITIZED, str(tmp_path / "walk.native")],
        cwd=ROOT,
        env={"LD_PRELOAD": asan.strip(), "ASAN_OPTIONS": "detect_leaks=0", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "walked\n"), done.stderr[-3000:]


def test_without_it_the_plain_walk_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (None, b"no library"):
        if content is not None:
            (tmp_path / "walk.native").write_bytes(content)
        monkeypatch.setattr(kernel, "LIBRARY", tmp_path / "walk.native")
        kernel._native.cache_clear()
        assert walk_of(SHA256) is plain_walk
    monkeypatch.undo()
    kernel._native.cache_clear()


def test_one_that_gives_other_tickets_is_left_aside(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = kernel.SOURCE.read_text("utf-8")
    assert "0x5be0cd19" in source
    (tmp_path / "wrong.c").write_text(source.replace("0x5be0cd19", "0x5be0cd18"), encoding="utf-8")
    subprocess.run(["cc", *building.FLAGS, "-o", tmp_path / "wrong.so", tmp_path / "wrong.c"], check=True, timeout=120)
    for made, native in ((tmp_path / "wrong.so", False), (library, True)):
        monkeypatch.setattr(kernel, "LIBRARY", made)
        kernel._native.cache_clear()
        assert (walk_of(SHA256) is not plain_walk) == native
        assert walk_of(SM3) is plain_walk, "SM3 is OpenSSL's"
    monkeypatch.undo()
    kernel._native.cache_clear()


def test_it_is_built_where_there_is_a_compiler_and_else_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(building, "LIBRARY", tmp_path / "walk.native")
    monkeypatch.setenv("CC", "no-such-compiler")
    assert (building.main(), (tmp_path / "walk.native").exists()) == (0, False)
    assert "没有 C 编译器" in capsys.readouterr().out

    monkeypatch.delenv("CC")
    assert (building.main(), [path.name for path in tmp_path.iterdir()]) == (0, ["walk.native"])
    frame = {"a": lambda: io.BytesIO(b"A\tS\tL\n")}
    bounds = {Kind("S", ("L",)): EVERY_TICKET}
    assert same(native_walk(tmp_path / "walk.native"), frame, bounds) == 1
