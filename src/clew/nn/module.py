"""Modules: parts of a model that own parameters, and know their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from inspect import Signature, signature
from reprlib import recursive_repr
from typing import Any, Self

import numpy as np

from ..errors import UsageError
from ..functions import asarray
from ..ir import scope
from ..pytree import register
from ..variable import Noted, Variable


class Naming(type):
    """Names what a module holds once it is made, so that layers appended to a list in ``__init__`` are found too."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        module = super().__call__(*args, **kwargs)
        module._name_parts()
        return module

    @property
    def __signature__(cls) -> Signature:
        """That of ``__init__``, which ``help`` and editors would not see behind ``__call__``."""
        whole = signature(cls.__init__)  # type: ignore[misc]
        return whole.replace(parameters=list(whole.parameters.values())[1:])


class Module(Noted, metaclass=Naming):
    """Base of layers and models: assign variables and modules to attributes, define ``forward``, call the module.

    Parameters are named by their path (``layers[0].weight``). Calling a module makes its nodes carry the module's name
    as their scope, by which pictures fold.

    >>> import clew as cl
    >>> class Line(cl.nn.Module):
    ...     def __init__(self):
    ...         self.k, self.b = cl.variable(2.0), cl.variable(1.0)
    ...     def forward(self, x):
    ...         return self.k * x + self.b
    >>> line = Line()
    >>> [name for name, parameter in line.named_parameters()]
    ['k', 'b']
    >>> line(3.0).item()
    7.0
    """

    training: bool = True
    scope_name: str = ""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise UsageError(f"{type(self).__name__} has no forward method; define def forward(self, x): ...")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with scope(self.scope_name or type(self).__name__):
            return self.forward(*args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if any(True for _ in _parts(value, name)):
            self._name_parts()

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """This module under the name ``""``, and those inside it under their paths, each once."""
        seen: set[int] = set()
        waiting: list[tuple[str, Module]] = [("", self)]
        while waiting:
            path, module = waiting.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield path, module
                inner = [(name, part) for name, part in module._own_parts() if isinstance(part, Module)]
                waiting += [(f"{path}.{name}" if path else name, part) for name, part in reversed(inner)]

    def named_parameters(self) -> Iterator[tuple[str, Variable]]:
        """Every parameter under its path, each once: a shared one under the first path that leads to it."""
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, part in module._own_parts():
                if isinstance(part, Variable) and id(part) not in seen:
                    seen.add(id(part))
                    yield f"{path}.{name}" if path else name, part

    def parameters(self) -> list[Variable]:
        """Every parameter, each once."""
        return [parameter for _, parameter in self.named_parameters()]

    def train(self, mode: bool = True) -> Self:
        """Switch to training (dropout drops), or with False to evaluation."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation."""
        return self.train(False)

    def state_dict(self) -> dict[str, Any]:
        """A copy of every parameter's array under its name."""
        return {name: np.array(parameter.known("state_dict()")) for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give the parameters the arrays of a ``state_dict``; names and shapes must agree, or nothing is changed."""
        own = dict(self.named_parameters())
        if missing := [name for name in own if name not in state]:
            raise UsageError(f"load_state_dict: the state lacks {', '.join(missing)}; it has {', '.join(state) or 'nothing'}")
        if extra := [name for name in state if name not in own]:
            raise UsageError(f"load_state_dict: the model has no {', '.join(extra)}; it has {', '.join(own) or 'nothing'}")
        arrays = {name: asarray(state[name]) for name in own}
        for name, parameter in own.items():
            if arrays[name].shape != parameter.shape:
                raise UsageError(f"load_state_dict: {name} is {parameter.value.type}, in the state {arrays[name].value.type}")
        for name, parameter in own.items():
            parameter.assign(arrays[name].numpy())  # a copy: the state stays the caller's

    def _name_parts(self) -> None:
        """Tell the parameters and modules inside by which path they are reached from here."""
        named: set[int] = set()
        for _, module in self.named_modules():
            for name, part in module._own_parts():
                if isinstance(part, Module) and id(part) not in named:
                    named.add(id(part))
                    part.scope_name = name
        for path, parameter in self.named_parameters():
            label = parameter.value.label
            assert label is not None  # every variable has one
            label.name = path

    def _own_parts(self) -> Iterator[tuple[str, Variable | Module]]:
        for name, value in vars(self).items():
            yield from _parts(value, name)

    @recursive_repr()
    def __repr__(self) -> str:
        inner = [f"  ({name}): {part!r}".replace("\n", "\n  ") for name, part in self._own_parts() if isinstance(part, Module)]
        return f"{type(self).__name__}({self.describe()}" + ("\n" + "\n".join(inner) + "\n)" if inner else ")")

    def describe(self) -> str:
        """What stands between the parentheses of its repr."""
        return ", ".join(f"{name}: {part.value.type}" for name, part in self._own_parts() if isinstance(part, Variable))


def _parts(value: Any, path: str) -> Iterator[tuple[str, Variable | Module]]:
    """The variables and modules that an attribute holds, directly or in lists, tuples and dicts."""
    if isinstance(value, Variable | Module):
        yield path, value
    elif isinstance(value, list | tuple):
        for k, item in enumerate(value):
            yield from _parts(item, f"{path}[{k}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _parts(item, f"{path}[{key!r}]")


@dataclass(frozen=True)
class _Rebuilt:
    """What a copy of a module with other parameters was made of."""

    module: Module
    leaves: list[tuple[str, Any]]


def _children(module: Module) -> list[tuple[str, Any]]:
    rebuilt = vars(module).get("_rebuilt")
    return rebuilt.leaves if rebuilt else [(f".{name}", p) for name, p in module.named_parameters()]


def _with_parameters(module: Module, leaves: list[Any]) -> Module:
    """A copy of the module that holds these in place of its parameters: tensors, or whatever a tree holds."""
    rebuilt = vars(module).get("_rebuilt")
    original = rebuilt.module if rebuilt else module
    parameters = dict(original.named_parameters())
    copy = deepcopy(original, {id(old): new for old, new in zip(parameters.values(), leaves, strict=True)})
    vars(copy)["_rebuilt"] = _Rebuilt(original, [(f".{name}", x) for name, x in zip(parameters, leaves, strict=True)])
    return copy


register(Module, _children, _with_parameters)
