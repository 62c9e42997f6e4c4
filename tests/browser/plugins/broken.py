"""A plugin that can't be loaded."""

from a_module_that_nobody_has import anything  # noqa: F401
