"""Native threads for compiled code, and how it stops at Ctrl-C.

The pool's native functions, for ``Library(text, symbols=pool().symbols)``::

    void clew_parallel(ptr view, ptr kernel, ptr context, i64 tasks)    kernel: void (ptr context, i64 begin, i64 end)
    void clew_listen(ptr view)

``view`` is ``pool().here()``, given by Python at each call. Its first word, an i32, is the stop flag.

A compiled function that a signal may stop

1. begins with ``clew_listen(view)`` if it may run longer than a millisecond (this costs a system call);
2. reads the flag between kernels and in each turn of its serial loops (``load atomic i32 ... monotonic``): if it is set,
   returns 1, with nothing written yet that anybody sees;
3. before it writes such things (parameters) goes on with the quiet view, the pointer at byte 16 of its view, and from
   there on reads no flag. It ends with 0.

Python calls it in a loop: ``while native(pool().here(), ...): pool().interrupted()``. A KeyboardInterrupt comes out of
this loop; if the user's own handler does not raise, the call begins again. A flag left over from a signal that came
between calls does no harm: the next call that reads it begins again.

A task should be a microsecond of work or more (a row of tiles, some thousand elements): then sharing out costs 1 % at
most. There may be any number of them, and a range of tasks must give the same result however it is divided. Each thread
calls the kernel up to 256 times a region, and reads the stop flag as often.
"""

from .pool import Pool, pool

__all__ = ["Pool", "pool"]
