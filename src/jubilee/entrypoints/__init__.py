"""The driving side: the HTTP API and processes; they call the domain's services, no adapters."""
