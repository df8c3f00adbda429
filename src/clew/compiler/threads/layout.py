"""The pool's memory: what stands where. Lines of 128 bytes, so that what is written by different threads does not share one.

::

    0     view        stop: i32 | state: ptr | quiet: ptr      for calls of the main thread, which a signal may stop
    128   quiet view  the same; its stop is never set          for all other calls
    256   gate        i32: joined workers, flags, the region's number; workers watch it
    384   region      next: i64 | tasks | chunk | kernel | context | view
    512   owner       owner: i32 | threads: i32 | started: i32 | sleepers: i32 | avoided: i32, the workers' forbidden processor
    640   mutex
    768   condition
    896   allowed     processors, a bit each
    1024  handles     of the workers' threads
"""

from __future__ import annotations

from ...config import MOST_THREADS

STOP, STATE, QUIET = 0, 8, 16  # in a view
MAIN_VIEW, QUIET_VIEW = 0, 128
GATE = 256
NEXT, TASKS, CHUNK, KERNEL, CONTEXT, VIEW = (384 + 8 * k for k in range(6))
OWNER, THREADS, STARTED, SLEEPERS, AVOIDED = (512 + 4 * k for k in range(5))
MUTEX, CONDITION, ALLOWED = 640, 768, 896
HANDLES = 1024
SIZE = HANDLES + 8 * MOST_THREADS

# The bits of the gate
JOINED = 0x3FF  # how many workers are in the region
OPEN = 1 << 10  # it may be joined
QUIT = 1 << 11  # workers end
NUMBER = 1 << 12  # one region
EPOCH = 0xFFFFF000  # the region's number, which may wrap around: a worker that slept through all of them misses one more
