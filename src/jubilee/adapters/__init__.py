"""What the domain's ports are plugged into; no adapter knows another."""
