"""The kind of task that says what it was told."""

from collections.abc import Mapping

from jubilee.domain.jobs.kinds import Audience, Claim, Finish, Kind


class Echo(Kind[Mapping[str, object], object]):
    """Its result is its data; its only effect is its end, so that happens exactly once."""

    name = "echo"
    audience = Audience.EVERYBODY
    timeout = 30.0

    def read(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    def shown(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(self, claim: Claim[Mapping[str, object]], finish: Finish[object]) -> None:
        async with finish(claim.payload):
            pass
