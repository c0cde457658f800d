"""The job kind `echo`."""

from collections.abc import Mapping

from jubilee.domain.jobs.kinds import Audience, Completion, JobContext, JobKind

TIMEOUT_S = 30.0


class Echo(JobKind[Mapping[str, object], object]):
    """Completes with its data as result; without other effects, it happens exactly once."""

    name = "echo"
    audience = Audience.USERS
    timeout = TIMEOUT_S

    def read(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(
        self, job: JobContext[Mapping[str, object]], complete: Completion[object]
    ) -> None:
        async with complete(job.payload):
            pass
