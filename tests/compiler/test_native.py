"""Compiled text: it runs, wherever it was loaded from, and what LLVM refuses is shown with its lines."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

from clew.compiler import cache, native
from clew.compiler.image import Image
from clew.compiler.linking import link
from clew.compiler.native import Host, Library, assembly, host
from clew.errors import ClewError, UsageError

pytestmark = pytest.mark.usefixtures("folder")  # each test has an empty cache

BINARY = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
UNARY = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
FLOATS = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_float, ctypes.c_float, ctypes.c_float)

ADD = "define i64 @add(i64 %x, i64 %y) nounwind {\n  %z = add i64 %x, %y\n  ret i64 %z\n}\n"

WIDE = """
define void @triple(ptr %x, ptr %y) #0 {
  %v = load <16 x float>, ptr %x, align 4
  %w = fmul <16 x float> %v, splat (float 3.0)
  store <16 x float> %w, ptr %y, align 4
  ret void
}
attributes #0 = { nounwind "prefer-vector-width"="512" }
"""

# Everything that a linker has to know: constants, tables of them and of addresses, variables with and without a value,
# calls within, calls and addresses of what C has, a function that nobody outside sees, a table of jumps.
LINKED = """
@table = private constant [4 x i64] [i64 10, i64 20, i64 30, i64 40]
@functions = private constant [2 x ptr] [ptr @twice, ptr @labs]
@count = global i64 5
@scratch = internal global [64 x i64] zeroinitializer, align 64

declare i64 @labs(i64)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

define internal i64 @twice(i64 %x) nounwind noinline {
  %y = mul i64 %x, 2
  ret i64 %y
}
define i64 @lookup(i64 %k) nounwind {
  %p = getelementptr i64, ptr @table, i64 %k
  %v = load i64, ptr %p, align 8
  ret i64 %v
}
define i64 @through(i64 %k, i64 %x) nounwind {
  %p = getelementptr ptr, ptr @functions, i64 %k
  %f = load ptr, ptr %p, align 8
  %y = call i64 %f(i64 %x)
  ret i64 %y
}
define i64 @call(i64 %x) nounwind {
  %y = call i64 @twice(i64 %x)
  %z = call i64 @labs(i64 %y)
  ret i64 %z
}
define i64 @next(i64 %step) nounwind {
  %old = load i64, ptr @count, align 8
  %new = add i64 %old, %step
  store i64 %new, ptr @count, align 8
  ret i64 %new
}
define i64 @copied(i64 %bytes, i64 %k) nounwind {
  call void @llvm.memset.p0.i64(ptr @scratch, i8 255, i64 512, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr @scratch, ptr @table, i64 %bytes, i1 false)
  %p = getelementptr i64, ptr @scratch, i64 %k
  %v = load i64, ptr %p, align 8
  ret i64 %v
}
define i64 @jump(i64 %k) nounwind {
  switch i64 %k, label %other [ i64 0, label %a
                                i64 1, label %b
                                i64 2, label %c
                                i64 3, label %d
                                i64 4, label %e ]
a:
  %u = call i64 @twice(i64 100)
  ret i64 %u
b:
  %v = call i64 @labs(i64 -7)
  ret i64 %v
c:
  %w = call i64 @next(i64 0)
  ret i64 %w
d:
  ret i64 4
e:
  %x = call i64 @lookup(i64 3)
  ret i64 %x
other:
  ret i64 -1
}
"""


def call(library: Library, name: str, *arguments: int) -> int:
    return int((UNARY if len(arguments) == 1 else BINARY)(library.address(name))(*arguments))


@pytest.mark.usefixtures("linker")
@pytest.mark.parametrize("times", [1, 2])  # the second is loaded from the cache
def test_linked(times: int) -> None:
    for _ in range(times):
        library = Library(LINKED)
        assert [call(library, "lookup", k) for k in range(4)] == [10, 20, 30, 40]
        assert (call(library, "through", 0, -8), call(library, "through", 1, -8), call(library, "call", -4)) == (-16, 8, 8)
        assert [call(library, "next", 3) for _ in range(3)] == [8, 11, 14]
        assert [call(library, "copied", 24, k) for k in range(4)] == [10, 20, 30, -1]
        assert [call(library, "jump", k) for k in range(-1, 6)] == [-1, 200, 7, 14, 4, 40, -1]
        assert ctypes.c_int64.from_address(library.address("count")).value == 14


@pytest.mark.usefixtures("linker")
def test_libraries_do_not_share_their_variables() -> None:
    one, other = Library(LINKED), Library(LINKED)
    assert (call(one, "next", 1), call(one, "next", 1), call(other, "next", 1)) == (6, 7, 6)


@pytest.mark.usefixtures("linker")
def test_symbols_by_address() -> None:
    callback = UNARY(lambda x: x * x + 1)
    address = ctypes.cast(callback, ctypes.c_void_p).value
    assert address is not None
    text = "declare i64 @mine(i64)\ndefine i64 @f(i64 %x) nounwind {\n  %y = call i64 @mine(i64 %x)\n  ret i64 %y\n}\n"
    assert call(Library(text, symbols={"mine": address}), "f", 7) == 50
    other = UNARY(lambda x: -x)
    assert call(Library(text, symbols={"mine": ctypes.cast(other, ctypes.c_void_p).value or 0}), "f", 7) == -7


@pytest.mark.skipif(not native.OURS, reason="LLVM links here")
def test_a_symbol_that_is_nowhere() -> None:
    text = (
        "declare i64 @nowhere_at_all(i64)\ndefine i64 @f(i64 %x) {\n  %y = call i64 @nowhere_at_all(i64 %x)\n  ret i64 %y\n}\n"
    )
    with pytest.raises(ClewError, match=r"^compiled code calls 'nowhere_at_all', which this process does not have"):
        Library(text)


@pytest.mark.skipif(not native.OURS, reason="LLVM links here")
def test_what_cannot_be_linked_is_refused() -> None:
    text = "@v = thread_local global i64 3\ndefine i64 @f() {\n  %x = load i64, ptr @v\n  ret i64 %x\n}\n"
    with pytest.raises(
        ClewError, match=r"^clew's compiler wrote a section \.tdata that it cannot link; this is a defect of clew$"
    ):
        Library(text)


def test_functions_that_may_unwind_are_linked_without_their_tables() -> None:
    assert call(Library(ADD.replace(" nounwind", " uwtable")), "add", 3, 4) == 7


# Other processors


def test_limits() -> None:
    full = Host("znver5", "+avx512f", 512)
    assert full.limited(512) is full
    assert (full.limited(256), full.limited(128)) == (Host("x86-64-v3", "", 256), Host("x86-64-v2", "", 128))
    assert full.limited(256).limited(128).bits == 128
    with pytest.raises(UsageError, match=r"^this processor's vectors have 256 bits; 512 is not one of 128, 256, 512 within"):
        full.limited(256).limited(512)


@pytest.mark.parametrize("bits", [512, 256, 128])
def test_code_for_limited_processors_keeps_to_their_registers(bits: int) -> None:
    if host().bits < bits:
        pytest.skip(f"this processor's vectors have {host().bits} bits")
    if not native.OURS:
        pytest.skip("the names of the registers are x86's")
    used = {name for name in ("zmm", "ymm", "xmm") if f"%{name}" in assembly(WIDE, host().limited(bits))}
    assert used == {512: {"zmm"}, 256: {"ymm"}, 128: {"xmm"}}[bits]
    x, y = np.arange(16, dtype=np.float32), np.zeros(16, dtype=np.float32)
    library = Library(WIDE, host().limited(bits))
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(library.address("triple"))(x.ctypes.data, y.ctypes.data)
    assert np.array_equal(y, 3 * x)


@pytest.mark.usefixtures("linker")
def test_an_fma_that_the_processor_lacks_is_a_call() -> None:
    if host().bits < 256:
        pytest.skip("this processor cannot be limited")
    text = (
        "declare float @llvm.fma.f32(float, float, float)\n"
        "define float @f(float %x, float %y, float %z) nounwind {\n"
        "  %r = call float @llvm.fma.f32(float %x, float %y, float %z)\n  ret float %r\n}\n"
    )
    x = 1 + 2.0**-12
    for on in (host(), host().limited(256), host().limited(128)):
        assert FLOATS(Library(text, on).address("f"))(x, x, -1.0) == 2.0**-11 + 2.0**-24  # rounded once
    assert "fmaf" in assembly(text, host().limited(128)) and "fmaf" not in assembly(text, host())


def test_the_processor_is_known_without_llvm(folder: Path) -> None:
    native.host.cache_clear()
    first = host()
    native.host.cache_clear()
    assert host() == first and first.bits in (128, 256, 512) and first.cpu and "," in first.features
    assert len(list(folder.iterdir())) == int(native.OURS)


def test_what_linux_says_of_the_first_processor() -> None:
    if not native.OURS:
        pytest.skip("it is LLVM that tells here")
    lines = native.processor().split("\n")
    assert [line.partition("\t")[0] for line in lines] == ["vendor_id", "cpu family", "model", "stepping", "flags"]
    assert lines == [line for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].split("\n") if line in lines]


def test_where_nothing_is_said_of_the_processor(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a container without ``/proc``: LLVM is asked, and its answer is not kept."""
    first, kept = host(), list(folder.glob("*"))
    monkeypatch.setattr(native, "CPUINFO", tmp_path / "nothing")
    native.processor.cache_clear()
    native.host.cache_clear()
    assert native.processor() == "" and host() == first and list(folder.glob("*")) == kept
    native.processor.cache_clear()


def test_processors_of_other_kinds_have_no_such_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n\nprocessor\t: 1\n")
    monkeypatch.setattr(native, "CPUINFO", tmp_path / "cpuinfo")
    native.processor.cache_clear()
    assert native.processor() == ""
    native.processor.cache_clear()


def test_the_second_process_does_not_load_llvm(folder: Path) -> None:
    if not native.OURS:
        pytest.skip("LLVM links here")
    program = (
        "import sys\nfrom clew.compiler.native import Library\n"
        f"assert Library({LINKED!r}).address('lookup')\nprint('llvmlite.binding' in sys.modules)\n"
    )
    environment = {**os.environ, "CLEW_CACHE_DIR": str(folder)}
    run = [subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True) for _ in range(2)]
    assert [(r.stdout, r.stderr) for r in run] == [("True\n", ""), ("False\n", "")]


# What LLVM refuses


def test_text_that_cannot_be_read() -> None:
    with pytest.raises(ClewError) as caught:
        Library(ADD + "\ndefine i64 @g(i64 %x) {\n  %a = add i64 %x, 1\n  %b = add i64 %a, %c\n  ret i64 %b\n}\n")
    assert str(caught.value) == (
        "clew's compiler wrote what LLVM refuses: use of undefined value '%c'\n"
        "      6 | define i64 @g(i64 %x) {\n"
        "      7 |   %a = add i64 %x, 1\n"
        ">     8 |   %b = add i64 %a, %c\n"
        "      9 |   ret i64 %b\n"
        "     10 | }\n"
        "This is a defect of clew: please report it with this text; CLEW_JIT=off runs without the compiler."
    )


def test_text_that_reads_but_does_not_hold_together() -> None:
    text = (
        "define float @f(i1 %c, float %z) {\n  br i1 %c, label %a, label %b\na:\n  %v1 = fadd float %z, 1.0\n"
        "  br label %b\nb:\n  %v2 = fmul float %v1, 2.0\n  ret float %v2\n}\n"
    )
    with pytest.raises(ClewError) as caught:
        assembly(text)
    assert str(caught.value) == (
        "clew's compiler wrote what LLVM refuses: Instruction does not dominate all uses!\n"
        "  %v1 = fadd float %z, 1.000000e+00\n"
        "  %v2 = fmul float %v1, 2.000000e+00\n"
        "      2 |   br i1 %c, label %a, label %b\n"
        "      3 | a:\n"
        ">     4 |   %v1 = fadd float %z, 1.0\n"
        "      5 |   br label %b\n"
        "      6 | b:\n"
        ">     7 |   %v2 = fmul float %v1, 2.0\n"
        "      8 |   ret float %v2\n"
        "      9 | }\n"
        "This is a defect of clew: please report it with this text; CLEW_JIT=off runs without the compiler."
    )


def test_refused_text_is_not_stored(folder: Path) -> None:
    host()
    before = len(list(folder.iterdir())) if folder.exists() else 0
    with pytest.raises(ClewError):
        Library("define void @f() { ret i64 0 }")
    assert (len(list(folder.iterdir())) if folder.exists() else 0) == before


# Lifetime, threads, processes


@pytest.mark.usefixtures("linker")
def test_code_goes_with_its_library() -> None:
    library = Library(ADD)
    code = weakref.ref(library._code)
    assert call(library, "add", 2, 3) == 5
    del library
    gc.collect()
    assert code() is None


@pytest.mark.skipif(sys.platform != "linux" or not native.OURS, reason="reads Linux's list of what is mapped")
def test_memory_is_given_back_and_code_cannot_be_written_to() -> None:
    library = Library(LINKED)
    code, variable = library.address("lookup"), library.address("count")

    def rights(address: int) -> str:
        for line in Path("/proc/self/maps").read_text().splitlines():
            low, high = (int(x, 16) for x in line.split()[0].split("-"))
            if low <= address < high:
                return line.split()[1]
        return ""

    assert (rights(code), rights(variable)) == ("r-xp", "rw-p")
    del library
    gc.collect()
    assert rights(code) != "r-xp"


@pytest.mark.usefixtures("linker")
def test_several_threads_compile() -> None:
    results: list[int] = []

    def work(k: int) -> None:
        library = Library(ADD.replace("%x, %y", f"%x, {k % 4}"))
        results.append(call(library, "add", 100, 0))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [100, 100, 101, 101, 102, 102, 103, 103]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.usefixtures("linker")
def test_a_forked_child_runs_compiled_code_and_compiles(folder: Path) -> None:
    program = (
        "import ctypes, os, threading, time\nfrom clew.compiler import native\n"
        f"native.OURS = {native.OURS}\ntext = {ADD!r}\n"
        "def run(library): return ctypes.CFUNCTYPE(*[ctypes.c_int64] * 3)(library.address('add'))(20, 22)\n"
        "library = native.Library(text)\n"
        "held = threading.Event()\n"
        "def compile_slowly():\n"
        "    with native.lock:\n"
        "        held.set()\n"
        "        time.sleep(0.3)\n"
        "busy = threading.Thread(target=compile_slowly)\n"
        "busy.start()\n"
        "held.wait()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    if not native.lock.acquire(timeout=10):\n"
        "        os._exit(1)\n"
        "    os._exit(int(run(library) + run(native.Library(text + '; once more'))))\n"
        "busy.join()\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), run(library))\n"
    )
    environment = {**os.environ, "CLEW_CACHE_DIR": str(folder)}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert run.stdout == "84 42\n", run.stderr


# Images


@pytest.mark.skipif(not native.OURS, reason="LLVM links here")
def test_an_image_is_the_same_each_time() -> None:
    from clew.compiler import llvm

    on = host()
    one, other = (link([llvm.assembled(LINKED, on.cpu, on.features)]) for _ in range(2))
    assert one == other
    image = Image(one, {"labs": ctypes.cast(ctypes.CDLL(None).labs, ctypes.c_void_p).value or 0})
    assert BINARY(image.address("through"))(1, -3) == 3


def test_the_text_decides_and_so_does_the_processor(folder: Path) -> None:
    on = host()
    Library(ADD, on)
    count = len(list(folder.iterdir()))
    Library(ADD, on)
    assert len(list(folder.iterdir())) == count
    Library(ADD.replace("add i64", "sub i64"), on)
    Library(ADD, on._replace(features=on.features + ",-sse4a"))
    assert len(list(folder.iterdir())) == count + 2


def test_a_damaged_entry_is_compiled_again(folder: Path) -> None:
    on = host()
    Library(ADD, on)
    (entry,) = (e for e in folder.iterdir() if e.name == cache.key(*keyed(on)).hex())
    good = entry.read_bytes()
    entry.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert call(Library(ADD, on), "add", 2, 2) == 4
    assert entry.read_bytes() == good


def keyed(on: Host) -> tuple[str, ...]:
    return ("code", "linked" if native.OURS else "objects", on.cpu, on.features, "False", ADD)
