"""Checks of the repository itself: the drawing, the suppressions."""
