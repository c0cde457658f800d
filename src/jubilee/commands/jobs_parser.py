"""Parser of `jubilee jobs`."""

from uuid import UUID

from jubilee.commands.command_parser import Commands, add_command

JOB_ACTIONS = {
    "show": "print all fields of jobs; values that may be secret are masked",
    "retry": "queue dead jobs again, with all their attempts",
    "cancel": "cancel queued jobs, ask running jobs to stop",
    "discard": "delete finished jobs",
}


def add_jobs(known: Commands) -> None:
    """Add `jobs` and its actions."""
    jobs = known.add_parser("jobs", help="list, show, retry, cancel and discard jobs")
    actions = jobs.add_subparsers(required=True, metavar="ACTION")
    _add_list(actions)
    for action, summary in JOB_ACTIONS.items():
        added = add_command(actions, action, f"jobs:{action}", summary)
        added.add_argument("ids", nargs="+", type=UUID, metavar="ID", help="a job's id")
    for added in actions.choices.values():
        added.add_argument("--json", action="store_true", help="print JSON")


def _add_list(actions: Commands) -> None:
    summary = "list jobs of all owners and without owner, newest first"
    listed = add_command(actions, "list", "jobs:list_jobs", summary)
    listed.add_argument("--owner", help="an account's id, or `none` for jobs without owner")
    listed.add_argument("--kind", help="such as email.send")
    listed.add_argument("--status", help="queued, running, succeeded, dead or cancelled")
    listed.add_argument("--limit", default=20, help="1 to 100, by default 20")
    listed.add_argument("--after", metavar="ID", type=UUID, help="continue after this job")
    listed.add_argument("--ids", action="store_true", help="print only ids, for xargs")
