"""A module in parts: they are compiled by several threads, and run as the whole would."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from clew.compiler import native, parts
from clew.compiler.block import CALLING, PART, Block, Module, Reg, number
from clew.compiler.native import Library, Part, host
from clew.compiler.parts import Parts
from clew.config import config
from clew.errors import ClewError, UsageError

pytestmark = pytest.mark.usefixtures("folder")  # each test has an empty cache

X = Reg("%x", "i64")
UNARY = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
BAD = "define i64 @bad(i64 %x) {\nentry:\n  %y = add i64 %x, %z\n  ret i64 %y\n}\n"


def chain(given: list[Part], functions: int = 6, lines: int = PART) -> Module:
    """Functions that each add up a table and call the one before; the last one is for all. Their parts are ``given``."""
    module = Module(given.append)
    module.declare("@table = internal constant [4 x i64] [i64 1, i64 2, i64 3, i64 4]")
    for n in range(functions):

        def write(b: Block, n: int = n) -> None:
            y = b.load(b.gep(Reg("@table", "ptr"), number(n % 4, "i64"), "i64"), "i64", 8)
            for k in range(lines):
                y = b.add(y, b.bits_xor(X, number(k, "i64")))
            if n:
                y = b.add(b.call(f"k{n - 1}", "i64", X), y)
            b.do(f"ret {y}")

        if n < functions - 1:
            module.shared(n, "i64", [X], write)
        else:
            module.function(f"f{n}", "i64", [X], write, calls=True)
    given += module.rest()
    return module


def expected(x: int, functions: int = 6, lines: int = PART) -> int:
    return sum(n % 4 + 1 + sum(x ^ k for k in range(lines)) for n in range(functions))


def call(library: Library, name: str, x: int) -> int:
    return int(UNARY(library.address(name))(x))


def library_of(found: Parts, parts: list[Part]) -> Library:
    for part in parts[:-1]:
        found.add(part)
    return found.library(parts[-1:], {})


@pytest.mark.usefixtures("linker")
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_parts_run_as_the_whole(threads: int) -> None:
    given: list[Part] = []
    module = chain(given)
    assert len(given) == 6
    with Parts(host(), threads) as found:
        library = library_of(found, given)
    assert [call(library, "f5", x) for x in (0, 5, 1000)] == [expected(x) for x in (0, 5, 1000)]
    assert [call(Library(module.text), "f5", x) for x in (0, 5)] == [expected(x) for x in (0, 5)]


def test_short_functions_stand_together() -> None:
    given: list[Part] = []
    chain(given, 7, PART // 5)  # each of twice as many lines, and some
    assert [part.text.count("define") for part in given] == [1, 3, 2, 1]  # the first one is short
    assert given[2].text.count("declare hidden i64 @k3(i64)") == 1  # called from the first function of this part
    assert "@k2" not in given[2].text


def test_functions_that_hardly_compute_are_sent_too() -> None:
    """In parts of their own, which are compiled in a hurry, once they are many."""
    given: list[Part] = []
    module = Module(given.append)

    def write(b: Block, n: int, lines: int) -> None:
        y = number(n, "i64")
        for _ in range(lines):
            y = b.add(y, X)
        b.do(f"ret {y}")

    for n in range(5):
        module.shared(n, "i64", [X], partial(write, n=n, lines=CALLING // 2), calls=True)
        module.shared((n, "computes"), "i64", [X], partial(write, n=n, lines=10))
    sent = len(given)
    given += module.rest()
    assert [(part.calls, part.text.count("define")) for part in given] == [(True, 2), (True, 2), (False, 5), (True, 1)]
    assert sent == 2
    assert all(("@k1(" in part.text) == (not part.calls) for part in given)


def test_what_is_of_a_part_alone_is_not_known_outside() -> None:
    given: list[Part] = []
    chain(given)
    with Parts(host(), 2) as found:
        library = library_of(found, given)
    with pytest.raises(KeyError if native.OURS else Exception):
        library.address("k0")


@pytest.mark.usefixtures("linker")
def test_the_code_does_not_depend_on_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Part] = []
    chain(given)
    linked, codes = native.linked, []
    monkeypatch.setattr(parts, "linked", lambda objects: codes.append(linked(objects)) or codes[-1])
    for threads in (1, 2, 5):
        with config(cache_size=0), Parts(host(), threads) as found:
            library_of(found, given)
    assert len(codes) == 3 and len(set(codes)) == 1


def test_from_the_cache_nothing_is_compiled_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Part] = []
    chain(given)
    with Parts(host(), 1) as found:
        library_of(found, given)

    def never(part: Part, on: native.Host) -> bytes:
        raise AssertionError("compiled again")

    monkeypatch.setattr(parts, "assembled", never)
    with Parts(host(), 1) as found:
        assert call(library_of(found, given), "f5", 3) == expected(3)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_part_that_llvm_refuses(folder: Path, threads: int) -> None:
    given: list[Part] = []
    chain(given)

    def compile_all() -> None:
        with Parts(host(), threads) as found:
            library_of(found, [*given[:3], Part(BAD), *given[3:]])

    refused = r"(?s)^clew's compiler wrote what LLVM refuses: use of undefined value '%z'\n.*> *3 \|"
    with pytest.raises(ClewError, match=refused):
        compile_all()
    assert not any(thread.name == parts.THREAD for thread in threading.enumerate())
    assert all(x.stat().st_size < 1000 for x in folder.glob("*"))  # the processor's name at most


def test_an_interrupt_while_parts_are_written() -> None:
    given: list[Part] = []
    chain(given)

    def compile_some() -> None:
        with Parts(host(), 3) as found:
            for text in given:
                found.add(text)
            assert sys.getswitchinterval() <= parts.QUICK
            raise KeyboardInterrupt

    usual = sys.getswitchinterval()
    with pytest.raises(KeyboardInterrupt):
        compile_some()
    assert sys.getswitchinterval() == usual
    assert not any(thread.name == parts.THREAD for thread in threading.enumerate())


def test_a_process_ends_while_a_thread_compiles(folder: Path) -> None:
    """The graph has a large value, so that the pool's functions are compiled beside; the call itself needs none of them."""
    program = "import numpy, clew as cl\nprint(cl.jit(lambda x: x[:3] * 2)(numpy.ones(100_000)).tolist())\n"
    environment = {**os.environ, "CLEW_CACHE_DIR": str(folder), "CLEW_THREADS": "2"}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr, run.stdout) == (0, "", "[2.0, 2.0, 2.0]\n")


def test_threads_generate_code_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts meet inside of LLVM: neither could leave if one had to wait for the other."""
    from clew.compiler import llvm

    given: list[Part] = []
    chain(given, 2)
    both, emitted = threading.Barrier(2, timeout=20), llvm._emitted

    def meet(machine: object, module: object) -> bytes:
        both.wait()
        return emitted(machine, module)

    monkeypatch.setattr(llvm, "_emitted", meet)
    with Parts(host(), 2) as found:
        assert call(library_of(found, given), "f1", 9) == expected(9, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_waits_for_who_generates_code() -> None:
    inside, left = threading.Event(), threading.Event()

    def work() -> None:
        with native.busy:
            inside.set()
            time.sleep(0.2)
            left.set()

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait()
    native.busy.before_fork()
    try:
        assert left.is_set()
    finally:
        native.busy.after_fork()
    thread.join()
    with native.busy:  # who forks does not wait for itself
        native.busy.before_fork()
        native.busy.after_fork()


@pytest.mark.parametrize("threads", [1, 2])
def test_what_calls_need_beside_the_parts_is_made_where_threads_help(threads: int) -> None:
    given: list[Part] = []
    chain(given)
    made: list[str] = []
    with config(cache_size=0), Parts(host(), threads, lambda: made.append("it")) as found:
        library = library_of(found, given)
    assert call(library, "f5", 3) == expected(3)
    assert made == ["it"] * (threads - 1)


def test_what_it_fails_with_is_raised_here() -> None:
    given: list[Part] = []
    chain(given)

    def fails() -> None:
        raise UsageError("no such thing")

    with config(cache_size=0), pytest.raises(UsageError, match="no such thing"), Parts(host(), 2, fails) as found:
        library_of(found, given)
