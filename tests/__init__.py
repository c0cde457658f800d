"""Tests."""

import pytest

# The plugin is imported by conftest.py before pytest comes to it.
pytest.register_assert_rewrite("tests.servers")
