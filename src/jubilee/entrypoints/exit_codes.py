"""Exit codes of processes, for their supervisor, and the reason that several of them give."""

BAD_CONFIGURATION = 78  # EX_CONFIG: starting again would not help
ALTERED = 3  # the audit log is not as it was written
USAGE = 2  # as argparse has it
SCHEMA_BEHIND = "the schema is behind this version: run `jubilee migrate` first"
