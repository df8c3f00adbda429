"""``tools/kernels.py`` as a module: the tests print kernels with it, too."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


def load() -> ModuleType:
    spec = spec_from_file_location("kernels_tool", Path(__file__).parents[2] / "tools" / "kernels.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load()
