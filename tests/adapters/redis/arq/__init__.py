"""The ARQ adapter on a real Redis."""
