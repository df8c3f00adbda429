"""Ops of all dtypes for vectors of 128, 256 and 512 bits, each in a process that LLVM may end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clew.compiler.native import host

SHARE = 16  # of these graphs; ``widths.py`` runs all


@pytest.mark.parametrize("bits", [128, 256, 512])
def test_a_share_of_all_ops(bits: int) -> None:
    if bits > host().bits:
        pytest.skip("this processor's vectors are shorter")
    command = [sys.executable, "-m", "tests.compiler.widths", str(bits), str(SHARE), str(bits % 7)]
    made = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    lines = made.stdout.splitlines()
    assert made.returncode == 0 and lines[-1] == "done", f"stopped at {lines[-1:]}: {made.stderr[-2000:]}"
    assert len(lines) > 150
