"""The thread pool: every task once, whatever the threads; callers that meet; forks, ends, sleep, and Ctrl-C."""

from __future__ import annotations

import ctypes
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from clew.compiler.block import Block, Module, Reg, number
from clew.compiler.native import Library
from clew.compiler.threads import Pool, pool
from clew.compiler.threads.layout import QUIET
from clew.compiler.threads.machine import FUTEX, System, here
from clew.compiler.threads.text import text
from clew.config import config

CONTEXT, BEGIN, END = Reg("%context", "ptr"), Reg("%begin", "i64"), Reg("%end", "i64")
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no native threads on Windows yet")


def count(b: Block) -> None:
    """The kernel: ``context[i] += i + 1``, not in one step; a task done twice at a time could be lost."""
    with b.loop(BEGIN, END, empty=True) as loop:
        place = b.gep(CONTEXT, loop.i, "i64")
        b.store(b.add(b.load(place, "i64", 8), b.add(loop.i, number(1, "i64"))), place, 8)
    b.do("ret void")


def share(b: Block) -> None:
    """The kernel: each task shares out eight tasks of ``count`` in its own part. The context: view, then numbers."""
    view = b.load(CONTEXT, "ptr", 8)
    with b.loop(BEGIN, END, empty=True) as loop:
        place = b.gep(CONTEXT, b.add(b.mul(loop.i, number(8, "i64")), number(1, "i64")), "i64")
        b.do(f"call void @clew_parallel({view}, ptr @count, {place}, i64 8)")
    b.do("ret void")


def doze(b: Block) -> None:
    """The kernel: a millisecond of sleep a task, then it is counted."""
    b.module.declare("declare i32 @usleep(i32)")
    with b.loop(BEGIN, END, empty=True):
        b.call("usleep", "i32", number(1000, "i32"))
        b.do(f"atomicrmw add ptr {CONTEXT.text}, i64 1 monotonic, align 8")
    b.do("ret void")


def meet(b: Block) -> None:
    """The kernel: each of two tasks waits until both have begun, ten seconds at most, and writes how many had."""
    b.module.declare("declare i32 @usleep(i32)")
    with b.loop(BEGIN, END, empty=True) as task:
        b.do(f"atomicrmw add ptr {CONTEXT.text}, i64 1 seq_cst, align 8")
        with b.loop(number(0, "i64"), number(10_000, "i64")):
            begun = b.put(f"load atomic i64, ptr {CONTEXT.text} seq_cst, align 8", "i64")
            b.store(begun, b.gep(CONTEXT, b.add(task.i, number(1, "i64")), "i64"), 8)
            with b.when(b.icmp("slt", begun, number(2, "i64"))):
                b.call("usleep", "i32", number(1000, "i32"))
    b.do("ret void")


def strike(b: Block) -> None:
    """The kernel: task 3 sends this process a SIGINT; each is counted."""
    b.module.declare("declare i32 @getpid()")
    b.module.declare("declare i32 @kill(i32, i32)")
    with b.loop(BEGIN, END, empty=True) as loop:
        b.do(f"atomicrmw add ptr {CONTEXT.text}, i64 1 monotonic, align 8")
        with b.when(b.icmp("eq", loop.i, number(3, "i64"))):
            b.call("kill", "i32", b.call("getpid", "i32"), number(signal.SIGINT, "i32"))
    b.do("ret void")


def main(b: Block) -> None:
    """``i32 main(view, kernel, context, tasks)``: as a compiled function does it."""
    view, kernel, tasks = Reg("%view", "ptr"), Reg("%kernel", "ptr"), Reg("%tasks", "i64")
    b.do(f"call void @clew_listen({view})")
    with b.loop(number(0, "i64"), number(1, "i64")):
        b.do(f"call void @clew_parallel({view}, {kernel}, {CONTEXT}, {tasks})")
    b.do(f"ret i32 {b.put(f'load atomic i32, ptr {view.text} monotonic, align 4', 'i32').text}")


@cache
def kernels(on: System) -> Library:
    """They call the pool's functions, of which there are two kinds here."""
    m = Module()
    m.declare("declare void @clew_parallel(ptr, ptr, ptr, i64)")
    m.declare("declare void @clew_listen(ptr)")
    for kernel in (count, share, doze, meet, strike):
        m.function(kernel.__name__, "void", [CONTEXT, BEGIN, END], kernel)
    m.function("main", "i32", [Reg("%view", "ptr"), Reg("%kernel", "ptr"), CONTEXT, Reg("%tasks", "i64")], main)
    return Library(m.text, symbols=Pool(1, on).symbols)


def run(p: Pool, kernel: str, context: np.ndarray, tasks: int, view: int | None = None) -> None:
    """One region."""
    form = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    view = p.here() if view is None else view
    form(p.parallel_address)(view, kernels(p.system).address(kernel), context.ctypes.data, tasks)


def call(p: Pool, kernel: str, context: np.ndarray, tasks: int) -> int:
    """What the Python side of a compiled function does; how often it was interrupted without an exception."""
    form = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    native, again = form(kernels(p.system).address("main")), 0
    while native(p.here(), kernels(p.system).address(kernel), context.ctypes.data, tasks):
        p.interrupted()
        again += 1
    return again


@pytest.fixture(params=["futex", "condition"])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[[int], Pool]]:
    """Pools that sleep in both ways, of which this system runs both."""
    made: list[Pool] = []

    def new(threads: int) -> Pool:
        made.append(Pool(threads, here(futex=request.param == "futex")))
        return made[-1]

    yield new
    for p in made:
        p.close()


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_every_task_once(make: Callable[[int], Pool], threads: int) -> None:
    p = make(threads)
    assert p.threads == threads
    for tasks in (0, 1, 2, 3, 7, 8, 63, 64, 65, 1000, 12_345):
        numbers = np.zeros(tasks + 8, np.int64)
        for _ in range(20):
            run(p, "count", numbers, tasks)
        assert np.array_equal(numbers[:tasks], 20 * np.arange(1, tasks + 1)), f"{tasks} tasks, {threads} threads"
        assert not numbers[tasks:].any(), "beyond the end"


def test_ten_thousand_small_regions(make: Callable[[int], Pool]) -> None:
    p, numbers = make(2), np.zeros(5, np.int64)
    for k in range(10_000):
        run(p, "count", numbers, 5)
        if k % 1000 == 0:
            time.sleep(0.002)  # workers fall asleep
    assert numbers.tolist() == [10_000, 20_000, 30_000, 40_000, 50_000]


def test_a_region_inside_a_region_runs_on_its_own_thread(make: Callable[[int], Pool]) -> None:
    p, numbers = make(3), np.zeros(1 + 8 * 100, np.int64)
    numbers[0] = p.here()
    for _ in range(50):
        run(p, "share", numbers, 100)
    assert np.array_equal(numbers[1:].reshape(100, 8), np.tile(50 * np.arange(1, 9), (100, 1)))


def test_callers_that_meet(make: Callable[[int], Pool]) -> None:
    p = make(2)
    mine = [np.zeros(300, np.int64) for _ in range(4)]

    def many(numbers: np.ndarray) -> None:
        for _ in range(500):
            run(p, "count", numbers, 300)

    callers = [threading.Thread(target=many, args=(numbers,)) for numbers in mine]
    for each in callers:
        each.start()
    for k in range(20):
        p.resize(1 + k % 3)  # waits until nobody owns it
    for each in callers:
        each.join()
    assert all(np.array_equal(numbers, 500 * np.arange(1, 301)) for numbers in mine)


def test_workers_share_the_work(make: Callable[[int], Pool]) -> None:
    p = make(2)
    for _ in range(20):
        begun = np.zeros(3, np.int64)
        run(p, "meet", begun, 2)
        assert begun.tolist() == [2, 2, 2]


def test_idle_workers_use_no_time(make: Callable[[int], Pool]) -> None:
    p, numbers = make(3), np.zeros(100, np.int64)
    run(p, "count", numbers, 100)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.05


def test_the_size_follows_the_settings() -> None:
    numbers = np.zeros(100, np.int64)
    pool().interrupted()  # a signal of an earlier test may have left its flag
    with config(threads=3):
        assert pool().threads == 3
        run(pool(), "count", numbers, 100)
        with config(threads=1):
            assert pool().threads == 1
            run(pool(), "count", numbers, 100)
    assert pool().threads == config.threads
    assert np.array_equal(numbers, 2 * np.arange(1, 101))


def test_a_pool_that_is_dropped_ends_its_workers() -> None:
    time.sleep(0.05)  # the system forgets ended threads a little later than it says
    before = tasks()
    p, numbers = Pool(4), np.zeros(100, np.int64)
    run(p, "count", numbers, 100)
    assert tasks() == before + 3
    del p
    time.sleep(0.05)
    assert tasks() == before


def tasks() -> int:
    """How many threads this process has."""
    try:
        return len(list(Path("/proc/self/task").iterdir()))
    except FileNotFoundError:
        pytest.skip("only Linux says so in files")


# Ctrl-C


@pytest.mark.parametrize("threads", [1, 2])
def test_a_signal_stops_between_pieces(make: Callable[[int], Pool], threads: int) -> None:
    p, done = make(threads), np.zeros(1, np.int64)
    with pytest.raises(KeyboardInterrupt):
        call(p, "strike", done, 1_000_000)
    assert 4 <= done[0] < 1_000_000
    again = np.zeros(100, np.int64)
    assert call(p, "count", again, 100) <= 1, "a flag left over costs one call"
    assert np.array_equal(again, np.arange(1, 101))


def test_a_handler_that_does_not_raise_has_the_call_begin_again() -> None:
    p, done, seen = Pool(1), np.zeros(1, np.int64), []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(int(done[0])) if len(seen) < 2 else _raise())
    try:
        with pytest.raises(InterruptedError):
            call(p, "strike", done, 256_000)  # pieces of 1,000
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [1000, 2000] and done[0] == 3000


def _raise() -> None:
    raise InterruptedError


def test_python_may_put_its_handler_back() -> None:
    p = Pool(1)
    for _ in range(3):
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ours is gone until the next call
        done = np.zeros(1, np.int64)
        with pytest.raises(KeyboardInterrupt):
            call(p, "strike", done, 256_000)
        assert done[0] == 1000


def test_an_ignored_signal_stays_ignored() -> None:
    p, done = Pool(1), np.zeros(1, np.int64)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        call(p, "strike", done, 64_000)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done[0] >= 64_000


def test_other_threads_are_not_stopped() -> None:
    p, done = Pool(2), np.zeros(1, np.int64)
    views: list[int] = []
    ended = threading.Event()

    def other() -> None:
        views.append(p.here())
        call(p, "strike", done, 64_000)
        ended.set()

    call(p, "count", np.zeros(8, np.int64), 8)  # listens

    def start_and_wait() -> None:
        threading.Thread(target=other).start()
        time.sleep(30)

    with pytest.raises(KeyboardInterrupt):  # the signal is the main thread's
        start_and_wait()
    assert ended.wait(30)
    assert views == [p.quiet_address] and done[0] == 64_000
    assert ctypes.c_void_p.from_address(p.address + QUIET).value == p.quiet_address


# What needs a process of its own


PRELUDE = "import os, signal, sys, threading, time; import numpy as np; from tests.compiler.test_threads import *\n"


def child(program: str, seconds: float = 60) -> str:
    """Run it; what it prints."""
    out = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "ignore:This process:DeprecationWarning", "-c", PRELUDE + program],
        capture_output=True, text=True, timeout=seconds, cwd=ROOT, check=False,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    assert not out.stderr, out.stderr
    return out.stdout


def test_fork() -> None:
    said = child("""
n = np.zeros(1000, np.int64)
p = Pool(3)
run(p, "count", n, 1000)
for _ in range(5):
    pid = os.fork()
    if not pid:
        threads = tasks()
        run(p, "count", n, 1000)
        run(pool(), "count", n, 1000)
        sys.exit(0 if threads == 1 and n[999] == 3000 and p.threads == 3 else 1)
    run(p, "count", n, 1000)
    assert os.waitpid(pid, 0)[1] == 0
    n[:] = np.arange(1, 1001)
print("the parent goes on")
""")
    assert said == "the parent goes on\n"


def test_fork_while_another_thread_owns_the_pool() -> None:
    said = child("""
p, done, n = Pool(2), np.zeros(1, np.int64), np.zeros(1000, np.int64)
caller = threading.Thread(target=run, args=(p, "doze", done, 400))
caller.start()
while not done[0]:
    time.sleep(0.001)
pid = os.fork()
if not pid:
    run(p, "count", n, 1000)
    p.resize(2)
    os._exit(0 if n[999] == 1000 else 1)
assert os.waitpid(pid, 0)[1] == 0
caller.join()
print(done[0])
""")
    assert said == "400\n"


@pytest.mark.parametrize("state", ["warm", "asleep", "never started", "owned by a daemon thread"])
def test_exit(state: str) -> None:
    program = {
        "warm": 'run(pool(), "count", np.zeros(100, np.int64), 100)',
        "asleep": 'run(pool(), "count", np.zeros(100, np.int64), 100); time.sleep(0.05)',
        "never started": "pool()",
        "owned by a daemon thread": """
done = np.zeros(1, np.int64)
threading.Thread(target=run, args=(pool(), "doze", done, 1_000_000), daemon=True).start()
while not done[0]:
    time.sleep(0.001)
""",
    }[state]
    assert child(f"config.update(threads=3)\n{program}\nprint('done')", 30) == "done\n"


def test_ctrl_c_from_outside() -> None:
    """A call of ten seconds; the answer comes long before. (Measured: 0.04 s.)"""
    out = child("""
config.update(threads=2)
done = np.zeros(1, np.int64)
def strike():
    while not done[0]:
        time.sleep(0.001)
    time.sleep(0.1)
    global sent
    sent = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)
kernels(pool().system)
threading.Thread(target=strike).start()
try:
    call(pool(), "doze", done, 20_000)
except KeyboardInterrupt:
    print(f"after {time.perf_counter() - sent:.3f} s, {done[0]} tasks")
""")
    found = re.fullmatch(r"after (\S+) s, (\d+) tasks\n", out)
    assert found, out
    assert int(found[2]) < 10_000 and float(found[1]) < 2
    print(out)


# Other systems


@pytest.mark.parametrize("name", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("machine", ["x86_64", "riscv64"])
def test_the_text_for_other_systems_is_well_formed(name: str, machine: str) -> None:
    written = text(System(name, machine, FUTEX[machine] if name == "linux" else 0))
    Pool(1, here())  # LLVM is ready
    llvm = pytest.importorskip("llvmlite.binding")
    module = llvm.parse_assembly(written)
    module.verify()
    outside = {f.name for f in module.functions if f.is_declaration}
    assert ("syscall" in outside) == (name == "linux")
    assert ("pthread_cond_wait" in outside) == (name == "darwin")
    assert ("pthread_create" in outside) == (name != "win32")
    assert ("llvm.x86.sse2.pause" in outside) == (machine == "x86_64" and name != "win32")


def test_where_there_are_no_threads_the_caller_does_it_all() -> None:
    p, numbers = Pool(4, System("win32", "AMD64", 0)), np.zeros(1000, np.int64)
    run(p, "count", numbers, 1000)
    p.resize(2)
    assert np.array_equal(numbers, np.arange(1, 1001))
