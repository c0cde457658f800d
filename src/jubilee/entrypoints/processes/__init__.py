"""Several processes of one kind, API or worker, under one parent."""
