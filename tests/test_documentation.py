"""The examples in the documentation run: each page is one program, read from top to bottom."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs" / "tutorial").glob("*.md")])
BLOCK = re.compile(r"^```(?:python|\{code-cell\}[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(text: str, page: Path, namespace: dict[str, Any]) -> int:
    """Run the Python blocks of a page in one namespace, with errors at the page's own lines; how many there were."""
    blocks = list(BLOCK.finditer(text))
    for block in blocks:
        source, first = block[1], text.count("\n", 0, block.start(1))
        if ">>> " in source:
            test = doctest.DocTestParser().get_doctest(source, namespace, f"{page.name}:{first + 1}", str(page), first)
            runner = doctest.DebugRunner(optionflags=doctest.ELLIPSIS)
            runner.run(test, clear_globs=False)
            namespace.update(test.globs)
        else:
            options = re.match(r"(?:^:[\w-]+:.*\n)*", source)
            assert options is not None
            blank = "\n" * (first + options[0].count("\n"))
            exec(compile(blank + source[options.end() :], str(page), "exec"), namespace)
    return len(blocks)


@pytest.mark.parametrize("page", [page.relative_to(ROOT).as_posix() for page in PAGES])
def test_page(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # pictures that a page draws land there
    run((ROOT / page).read_text(encoding="utf-8"), ROOT / page, {"__name__": "__main__"})


PROGRAM = """Two blocks.

```python
a = 1
```

```{code-cell} ipython3
:tags: [hide-input]

b = a + 1
raise RuntimeError("here")
```
"""


def test_blocks_share_names_and_errors_name_the_page_s_line() -> None:
    namespace: dict[str, Any] = {}
    with pytest.raises(RuntimeError, match="here") as error:
        run(PROGRAM, Path("page.md"), namespace)
    assert namespace["b"] == 2
    assert error.traceback[-1].lineno + 1 == 11  # counted from 0
    assert str(error.traceback[-1].path) == "page.md"


def test_prompts_are_compared() -> None:
    assert run("```python\n>>> 1 + 1\n2\n```\n", Path("page.md"), {}) == 1
    with pytest.raises(doctest.DocTestFailure):
        run("```python\n>>> 1 + 1\n3\n```\n", Path("page.md"), {})
