"""What ships the service, brought up for real: needs a container engine."""
