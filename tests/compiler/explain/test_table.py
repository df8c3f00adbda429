"""How the table prints numbers and long texts."""

from __future__ import annotations

from clew.compiler.explain.origin import Effect
from clew.compiler.explain.table import amount, duration, passed, places, size, wrapped


def test_three_digits() -> None:
    assert [amount(n) for n in (0, 999, 1000, 1234, 12345, 999_600, 51_500_000, 3e9)] == [
        *("0", "999", "1.00k", "1.23k", "12.3k", "1.00M", "51.5M", "3.00G")
    ]
    assert [duration(t) for t in (0, 49e-9, 1.234e-6, 999e-6, 0.9996e-3, 2.5)] == [
        *("0 ns", "49 ns", "1.23 us", "999 us", "1.00 ms", "2.50 s")
    ]
    assert [size(n) for n in (9, 1024, 440_704, 5 << 20)] == ["9 bytes", "1.00 KiB", "430 KiB", "5.00 MiB"]


def test_long_texts_go_on_below() -> None:
    assert wrapped("matmul+add+relu", 20, "+") == ["matmul+add+relu"]
    assert wrapped("matmul+add+relu", 12, "+") == ["matmul+add+", "relu"]
    assert wrapped("a_very_long_name_of_a_gate", 10, "+") == ["a_very_lon", "g_name_of_", "a_gate"]
    assert wrapped("+".join(["multiply"] * 9), 20, "+")[-1].endswith("...")


def test_lines_by_file() -> None:
    assert places(["model.py:12", "train.py:7", "model.py:3"]) == "model.py:3,12 train.py:7"


def test_passes_that_changed_something() -> None:
    effects = [Effect("merge", 9, 9, 0.0), Effect("opened", 9, 14, 0.0), Effect("share", 14, 12, 0.0)]
    assert passed(effects) == "9 nodes, opened 14, share 12"
