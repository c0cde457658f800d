"""An argument that a caller leaves out means the same to a port, its adapters and its fakes."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import jubilee.adapters.postgres
import jubilee.domain
import tests.fakes

PACKAGES = (jubilee.domain, jubilee.adapters.postgres, tests.fakes)


def ports_with_adapters() -> Iterator[tuple[type, type, str]]:
    """Generate each method of a port that an adapter or a fake implements."""
    for package in PACKAGES:
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    for port in protocols(object):
        for adapter in subclasses(port):
            for name in vars(port).keys() & vars(adapter).keys():
                if inspect.isfunction(vars(port)[name]) and inspect.isfunction(vars(adapter)[name]):
                    yield port, adapter, name


def subclasses(of: type) -> set[type]:
    direct: set[type] = set(type.__subclasses__(of))
    return direct.union(*map(subclasses, direct))


def protocols(of: type) -> list[type]:
    found = [one for one in subclasses(of) if getattr(one, "_is_protocol", False)]
    own = (one for one in found if one.__module__.startswith("jubilee."))
    return sorted(own, key=lambda one: (one.__module__, one.__qualname__))


def defaults(owner: type, name: str) -> dict[str, Any]:
    return {
        parameter.name: parameter.default
        for parameter in inspect.signature(vars(owner)[name]).parameters.values()
        if parameter.default is not inspect.Parameter.empty
    }


def test_an_adapter_has_the_defaults_of_its_ports() -> None:
    compared = [(port, adapter, name) for port, adapter, name in ports_with_adapters()]
    assert len(compared) > 200
    for port, adapter, name in compared:
        if not name.startswith("__"):
            place = f"{port.__qualname__}.{name} of {adapter.__module__}"
            own = defaults(adapter, name)
            assert {one: own.get(one) for one in defaults(port, name)} == defaults(port, name), (
                place
            )
