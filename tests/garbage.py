"""When garbage is collected in the processes of the tests.

What is made while tests are collected stays to the end: to look through it again and again took
half of that time, and a part of every later search.
"""

import gc
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect none while tests are collected; exempt what exists then from later collections."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
