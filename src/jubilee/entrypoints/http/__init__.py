"""The REST API: a registry of endpoints drives routing, validation and the documents."""
