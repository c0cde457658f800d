"""Exit codes of processes, for their supervisor."""

BAD_CONFIGURATION = 78  # EX_CONFIG: starting again would not help
USAGE = 2  # as argparse has it
