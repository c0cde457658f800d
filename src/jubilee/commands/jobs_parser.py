"""What can be written after `jubilee jobs`."""

from uuid import UUID

from jubilee.commands.command_parser import Commands, add_command

JOB_ACTIONS = {
    "show": "all that is known of jobs; what may be secret is masked",
    "retry": "queue dead jobs again, as if they were new",
    "cancel": "cancel jobs that wait, ask those that run to stop",
    "discard": "forget jobs that have ended",
}


def add_jobs(known: Commands) -> None:
    """`jubilee jobs ACTION`."""
    jobs = known.add_parser("jobs", help="list, show, retry, cancel and discard jobs")
    actions = jobs.add_subparsers(required=True, metavar="ACTION")
    _add_list(actions)
    for action, summary in JOB_ACTIONS.items():
        added = add_command(actions, action, f"jobs:{action}", summary)
        added.add_argument("ids", nargs="+", type=UUID, metavar="ID", help="a job's id")
    for added in actions.choices.values():
        added.add_argument("--json", action="store_true", help="for machines")


def _add_list(actions: Commands) -> None:
    summary = "jobs of every owner and of none, newest first"
    listed = add_command(actions, "list", "jobs:list_jobs", summary)
    listed.add_argument("--owner", help="an account's id, or none: those of no account")
    listed.add_argument("--kind", help="such as email.send")
    listed.add_argument("--status", help="queued, running, succeeded, dead or cancelled")
    listed.add_argument("--limit", default=20, help="1 to 100; 20 if it is left out")
    listed.add_argument("--after", metavar="ID", type=UUID, help="go on after this job")
    listed.add_argument("--ids", action="store_true", help="ids alone, for xargs")
