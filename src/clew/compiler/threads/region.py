"""The pool in LLVM text: how a kernel's tasks are shared out among threads.

One call at a time owns the pool. It writes down what is to be done (a *region*), opens the gate, takes tasks itself until
there are none, closes the gate, and waits for the workers that joined. A worker that comes late finds the gate closed: no
call ever waits for a thread that has not begun. Tasks are taken in chunks by ``fetch_add``; a chunk is run in
pieces, and before each of them the stop flag is read.

Opening the gate releases what the region says, joining acquires it; leaving releases what the kernel wrote, and the
owner acquires it when it sees that nobody is inside. Going to sleep and opening the gate are the one place where two
threads each write one word and read the other (sleepers, gate): both in sequentially consistent order, so that one of
them sees the other, and nobody sleeps while there is work.
"""

from __future__ import annotations

from ..block import Block, Module, Reg, number
from . import layout, system
from .layout import EPOCH, JOINED, NUMBER, OPEN, QUIT
from .machine import System
from .system import at
from .words import change, get, has, i32, larger, load, local, returning, smaller, store, swap, until

AWAKE = 50_000  # nanoseconds that a worker looks for the next region before it sleeps
LOOKS = 64  # how often it looks between two looks at the clock
CHUNKS = 8  # that each thread takes, about: enough to even out, few enough to be cheap
PIECES = 32  # of a chunk: a region of 25 seconds still stops within a tenth of one
PATIENCE = 4096  # looks of the owner at the gate before it lets other threads have the processor

STATE, VIEW = Reg("%state", "ptr"), Reg("%view", "ptr")
KERNEL, CONTEXT = Reg("%kernel", "ptr"), Reg("%context", "ptr")
BEGIN, END, PIECE, TASKS = (Reg(f"%{name}", "i64") for name in ("begin", "end", "piece", "tasks"))


def write(m: Module, on: System) -> None:
    """Define the functions that Python and compiled code call; ``parallel`` and ``resize`` say what they do."""
    m.function("clew_stretch", "void", [VIEW, KERNEL, CONTEXT, BEGIN, END, PIECE], stretch, "internal")
    if not on.threads:
        m.function("clew_prepare", "void", [STATE], lambda b: b.do("ret void"))
        m.function("clew_resize", "i32", [STATE, Reg("%threads", "i32")], lambda b: b.do("ret i32 1"))
        m.function("clew_parallel", "void", [VIEW, KERNEL, CONTEXT, TASKS], _serial)
        return
    m.function("clew_prepare", "void", [STATE], lambda b: prepare(b, on))
    m.function("clew_take", "void", [STATE], take, "internal")
    m.function("clew_rouse", "void", [STATE], lambda b: rouse(b, on), "internal")
    m.function("clew_worker", "ptr", [STATE], lambda b: worker(b, on), "internal")
    m.function("clew_start", "void", [STATE], lambda b: start(b, on), "internal")
    m.function("clew_resize", "i32", [STATE, Reg("%threads", "i32")], lambda b: resize(b, on))
    m.function("clew_parallel", "void", [VIEW, KERNEL, CONTEXT, TASKS], lambda b: parallel(b, on))


def prepare(b: Block, on: System) -> None:
    """``void clew_prepare(state)``: after its memory was written anew."""
    system.prepare(b, on, STATE)
    b.do("ret void")


def parallel(b: Block, on: System) -> None:
    """``void clew_parallel(view, kernel, context, tasks)``: run ``kernel(context, begin, end)`` over all of [0, tasks).

    It returns when all is done, or early when the view's stop flag is set. Called while another call owns the pool,
    from a kernel or from another thread, it runs everything itself.
    """
    state = b.load(at(b, VIEW, layout.STATE), "ptr", 8)
    owner = at(b, state, layout.OWNER)
    threads = load(b, at(b, state, layout.THREADS), "i32", "monotonic")
    shared = b.bits_and(b.icmp("sgt", TASKS, number(1, "i64")), b.icmp("sgt", threads, number(1, "i32")))
    free = b.icmp("eq", load(b, owner, "i32", "monotonic"), number(0, "i32"))
    with b.when(b.bits_and(shared, free)), returning(b, _own(b, owner)):
        with b.when(b.icmp("slt", get(b, state, layout.STARTED), b.sub(threads, number(1, "i32")))):
            b.do(f"call void @clew_start({state})")
        _describe(b, state, b.convert("zext", threads, "i64"))
        gate = at(b, state, layout.GATE)
        change(b, "add", gate, OPEN + NUMBER, "seq_cst")
        sleepers = load(b, at(b, state, layout.SLEEPERS), "i32", "seq_cst")
        with b.when(b.icmp("ne", sleepers, number(0, "i32"))):
            b.do(f"call void @clew_rouse({state})")
        b.do(f"call void @clew_take({state})")
        inside = change(b, "and", gate, ~OPEN, "acq_rel")
        with b.when(b.icmp("ne", b.bits_and(inside, i32(JOINED)), number(0, "i32"))):
            _await_empty(b, on, gate)
        store(b, number(0, "i32"), owner, "release")
        b.do("ret void")
    _serial(b)


def _own(b: Block, owner: Reg) -> Reg:
    """Try to become the owner."""
    return swap(b, owner, number(0, "i32"), number(1, "i32"))


def _describe(b: Block, state: Reg, threads: Reg) -> None:
    """Write down the region; nobody reads it before the gate is open."""
    one = number(1, "i64")
    chunk = b.binary("sdiv", TASKS, b.mul(threads, number(CHUNKS, "i64")))
    said = {layout.NEXT: number(0, "i64"), layout.TASKS: TASKS, layout.CHUNK: larger(b, chunk, one)}
    said |= {layout.KERNEL: KERNEL, layout.CONTEXT: CONTEXT, layout.VIEW: VIEW}
    for offset, x in said.items():
        b.store(x, at(b, state, offset), 8)


def _await_empty(b: Block, on: System, gate: Reg) -> None:
    """Wait until the workers that joined have left: at most for the chunks they are at."""
    with until(b) as (leave, turn):
        inside = b.bits_and(load(b, gate, "i32", "acquire"), i32(JOINED))
        leave(b.icmp("eq", inside, number(0, "i32")))
        system.pause(b, on)
        with b.when(b.icmp("sgt", turn, number(PATIENCE, "i64"))):
            system.give_way(b)


def _serial(b: Block) -> None:
    """All tasks on this thread."""
    piece = larger(b, b.binary("sdiv", TASKS, number(CHUNKS * PIECES, "i64")), number(1, "i64"))
    operands = (VIEW, KERNEL, CONTEXT, number(0, "i64"), TASKS, piece)
    b.do(f"call void @clew_stretch({', '.join(map(str, operands))})")
    b.do("ret void")


def stretch(b: Block) -> None:
    """Run the kernel over [begin, end), a piece at a time, unless it is to stop."""
    i = local(b, BEGIN)
    with until(b) as (leave, _):
        begin = b.load(i, "i64", 8)
        leave(b.icmp("sge", begin, END))
        leave(b.icmp("ne", load(b, VIEW, "i32", "monotonic"), number(0, "i32")))
        end = smaller(b, b.add(begin, PIECE), END)
        b.do(f"call void {KERNEL.text}({CONTEXT}, {begin}, {end})")
        b.store(end, i, 8)
    b.do("ret void")


def take(b: Block) -> None:
    """Take chunks of the region and run them until there are none."""
    tasks, chunk = (get(b, STATE, offset, "i64") for offset in (layout.TASKS, layout.CHUNK))
    kernel, context, view = (get(b, STATE, offset, "ptr") for offset in (layout.KERNEL, layout.CONTEXT, layout.VIEW))
    piece = larger(b, b.binary("sdiv", chunk, number(PIECES, "i64")), number(1, "i64"))
    following = at(b, STATE, layout.NEXT)
    with until(b) as (leave, _):
        begin = b.put(f"atomicrmw add ptr {following.text}, {chunk} monotonic, align 8", "i64")
        leave(b.icmp("sge", begin, tasks))
        operands = (view, kernel, context, begin, smaller(b, b.add(begin, chunk), tasks), piece)
        b.do(f"call void @clew_stretch({', '.join(map(str, operands))})")
    b.do("ret void")


def worker(b: Block, on: System) -> None:
    """What a worker does until it is told to quit: join each region that it sees, and sleep when none comes."""
    gate = at(b, STATE, layout.GATE)
    last = local(b, number(0, "i32"))  # the number of the region it joined last
    rest = local(b, number(0, "i64"))  # when it will sleep; 0: not yet known
    clock = system.space(b, 16)
    with until(b) as (leave, turn):
        seen = load(b, gate, "i32", "acquire")
        leave(has(b, seen, QUIT))
        with b.when(_news(b, seen, b.load(last, "i32", 4))):
            b.do(f"store i64 0, ptr {rest.text}, align 8")
            with b.when(swap(b, gate, seen, b.add(seen, number(1, "i32")))):
                b.store(b.bits_and(seen, i32(EPOCH)), last, 4)
                b.do(f"call void @clew_take({STATE})")
                change(b, "sub", gate, 1, "release")
        system.pause(b, on)
        with b.when(b.icmp("eq", b.bits_and(turn, number(LOOKS - 1, "i64")), number(LOOKS - 1, "i64"))):
            now = system.nanoseconds(b, on, clock)
            _perhaps_sleep(b, on, now, last, rest)
    b.do("ret ptr null")


def _perhaps_sleep(b: Block, on: System, now: Reg, last: Reg, rest: Reg) -> None:
    """Set the time to sleep, or sleep when it has come."""
    gate, time = at(b, STATE, layout.GATE), b.load(rest, "i64", 8)
    unknown = b.icmp("eq", time, number(0, "i64"))
    late = b.icmp("sgt", now, time)
    b.store(b.select(unknown, b.add(now, number(AWAKE, "i64")), time), rest, 8)
    with b.when(b.bits_and(late, b.bits_xor(unknown, number(1, "i1")))):
        sleepers = at(b, STATE, layout.SLEEPERS)
        change(b, "add", sleepers, 1, "seq_cst")
        seen = load(b, gate, "i32", "seq_cst")
        awake = b.bits_or(_news(b, seen, b.load(last, "i32", 4)), has(b, seen, QUIT))
        with b.when(b.bits_xor(awake, number(1, "i1"))):
            system.sleep(b, on, STATE, seen)
        change(b, "sub", sleepers, 1, "seq_cst")
        b.do(f"store i64 0, ptr {rest.text}, align 8")


def rouse(b: Block, on: System) -> None:
    """Wake the workers, elsewhere than here."""
    system.place(b, on, STATE, at(b, STATE, layout.HANDLES), get(b, STATE, layout.STARTED))
    system.wake(b, on, STATE)
    b.do("ret void")


def start(b: Block, on: System) -> None:
    """Start the workers that are missing. If the system refuses one, the pool is content with those it has."""
    threads = at(b, STATE, layout.THREADS)
    system.note_processors(b, on, STATE)
    mask = system.block_signals(b, on)  # they belong to Python's main thread
    with until(b) as (leave, _):
        started = get(b, STATE, layout.STARTED)
        now = b.add(started, number(1, "i32"))
        leave(b.icmp("sge", now, b.load(threads, "i32", 4)))
        handle = b.gep(at(b, STATE, layout.HANDLES), started, "i64")
        refused = b.icmp("ne", system.create(b, handle, "clew_worker", STATE), number(0, "i32"))
        with b.when(refused):
            store(b, now, threads, "monotonic")
        b.store(b.select(refused, started, now), at(b, STATE, layout.STARTED), 4)
    system.unblock_signals(b, on, mask)
    system.place(b, on, STATE, at(b, STATE, layout.HANDLES), get(b, STATE, layout.STARTED))
    b.do("ret void")


def resize(b: Block, on: System) -> None:
    """``i32 clew_resize(state, threads)``: 0 while a call owns the pool; else end all workers, and 1.

    The next region starts as many as it then needs.
    """
    owner, gate = at(b, STATE, layout.OWNER), at(b, STATE, layout.GATE)
    with returning(b, _own(b, owner)):
        change(b, "or", gate, QUIT, "seq_cst")
        system.wake(b, on, STATE)
        started = get(b, STATE, layout.STARTED)
        with b.loop(number(0, "i32"), started, empty=True) as loop:
            system.join(b, b.gep(at(b, STATE, layout.HANDLES), loop.i, "i64"))
        change(b, "and", gate, ~QUIT, "seq_cst")
        b.store(number(0, "i32"), at(b, STATE, layout.STARTED), 4)
        store(b, Reg("%threads", "i32"), at(b, STATE, layout.THREADS), "monotonic")
        store(b, number(0, "i32"), owner, "release")
        b.do("ret i32 1")
    b.do("ret i32 0")


def _news(b: Block, seen: Reg, last: Reg) -> Reg:
    """Whether the gate is open to a region that was not joined yet."""
    return b.bits_and(has(b, seen, OPEN), b.icmp("ne", b.bits_and(seen, i32(EPOCH)), last))
