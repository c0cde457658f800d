"""The kind of task that says what it was told."""

from collections.abc import Mapping

from jubilee.domain.jobs.kinds import Audience, Completion, JobContext, JobKind


class Echo(JobKind[Mapping[str, object], object]):
    """Its result is its data; its only effect is its end, so that happens exactly once."""

    name = "echo"
    audience = Audience.EVERYBODY
    timeout = 30.0

    def read(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(
        self, job: JobContext[Mapping[str, object]], complete: Completion[object]
    ) -> None:
        async with complete(job.payload):
            pass
