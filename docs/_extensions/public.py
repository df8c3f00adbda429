"""``.. public:: clew.nn``: the names in the directive's body, first as a table, then one by one with their docstrings."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class Public(SphinxDirective):
    has_content = True
    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        module = self.arguments[0]
        names = " ".join(self.content).split()
        home = importlib.import_module(module)
        kinds = {name: "autoclass" if isinstance(getattr(home, name), type) else "autofunction" for name in names}
        lines = [f".. currentmodule:: {module}", "", ".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   {name}" for name in names]
        for name, kind in kinds.items():
            lines += ["", f".. {kind}:: {module}.{name}"]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Any) -> dict[str, bool]:
    app.add_directive("public", Public)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
