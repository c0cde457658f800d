"""The supervisor behind `jubilee up`."""
