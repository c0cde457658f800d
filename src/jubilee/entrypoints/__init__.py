"""What drives the domain: HTTP and processes; they know its services, never an adapter."""
