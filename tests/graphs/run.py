"""Check many random graphs: ``python -m tests.graphs.run --count 20000 --seed 0``.

``--compiled`` compiles them instead, and compares what that computes; every other chunk has graphs of larger arrays then.
``--one`` holds each to one property only, so that five times as many take as long.
Graphs come in chunks, each with a seed of its own, so that chunks can be shared out (``--part 1/4`` takes every fourth)
and a failing one run again alone (``--chunk``). The first failure is made as small as it gets and printed.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import NonInteractiveExampleWarning

from . import compiled
from .builder import Wide
from .generate import Sample, samples
from .properties import PROPERTIES, check

CHUNK = 500


def run_chunk(number: int, count: int, compile: bool = False, one: bool = False) -> tuple[int, str | None]:
    """How many graphs were checked, and the story of the first that failed."""
    checked = 0
    graphs = samples(most=15, builder=Wide) if compile and number % 2 else samples(most=25)
    holds = check if not compile else compiled.check_one if one else compiled.check
    failed: tuple[Sample, BaseException] | None = None

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(graphs)
    def every_property_holds(sample: Sample) -> None:
        nonlocal checked, failed
        try:
            holds(sample)
            checked += 1
        except BaseException as error:
            failed = sample, error  # the last to fail is the smallest
            raise

    try:
        every_property_holds()
    except Exception:
        assert failed is not None
        sample, error = failed
        return checked, f"{sample!r}\n{type(error).__name__}: {error}"
    return checked, None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.graphs.run", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="graphs to check (default 20000)")
    parser.add_argument("--seed", type=int, default=0, help="what the graphs follow from (default 0)")
    parser.add_argument("--part", default="1/1", help="k/n: take every n-th chunk, from the k-th")
    parser.add_argument("--chunk", type=int, help="run this chunk alone")
    parser.add_argument("--compiled", action="store_true", help="compile the graphs, and their gradients and batches")
    parser.add_argument("--one", action="store_true", help="with --compiled: hold each graph to one property, in turns")
    options = parser.parse_args(arguments)
    part, parts = map(int, options.part.split("/"))
    chunks = range(-(-options.count // CHUNK))[part - 1 :: parts] if options.chunk is None else [options.chunk]
    warnings.simplefilter("ignore", NonInteractiveExampleWarning)
    total, start = 0, time.monotonic()
    for chunk in chunks:
        checked, story = run_chunk(options.seed * 1_000_003 + chunk, min(CHUNK, options.count), options.compiled, options.one)
        total += checked
        if story is not None:
            how = " --compiled" * options.compiled + " --one" * options.one
            print(f"FAILED: --seed {options.seed} --chunk {chunk}{how}\n{story}")
            return 1
        print(f"chunk {chunk}: {total} graphs, {time.monotonic() - start:.0f} s", flush=True)
    properties = compiled.PROPERTIES if options.compiled else PROPERTIES
    print(f"{total} random graphs, {1 if options.one else len(properties)} properties each: all hold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
