"""Functions whose source is made at run time."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from clew._source import function
from clew.ir import here


class Held:
    pass


def test_they_count_as_clew_s_own_lines() -> None:
    """Of an error the line is told that called clew, which is this one."""
    code, _, _ = function("where", "def where(): return here()", {"here": here})()
    assert code.co_name == "test_they_count_as_clew_s_own_lines"


def test_names_go_with_the_function() -> None:
    held = Held()
    made, watched = function("get", "def get(): return held", {"held": held}), weakref.ref(held)
    gc.disable()
    try:
        del held
        assert made() is watched()
        del made
        assert watched() is None
    finally:
        gc.enable()


def test_the_same_source_with_other_names() -> None:
    first, second = (function("f", "def f(x): return x + n", {"n": n}) for n in (1, 2))
    both: list[Any] = [first(10), second(10)]
    assert both == [11, 12] and first.__code__ is second.__code__
