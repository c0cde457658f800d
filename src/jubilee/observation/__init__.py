"""What the service reports about itself: the records and the observer ports of every layer.

Entrypoints and adapters report to these ports; `adapters.telemetry` implements them.
"""
