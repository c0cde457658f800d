"""Tests."""

import pytest

# The plugins are imported by conftest.py before pytest comes to it.
pytest.register_assert_rewrite("tests.exclusive", "tests.servers")
