"""Tasks: work that people ask for, and that is done however often its worker is killed."""
