"""The answer to every request whose outcome only a mail tells."""

from jubilee.entrypoints.http.framework.endpoint import ReplyModel, ResponseSpec

SENT = "If the address is the right one, a mail is on its way."


class MailQueued(ReplyModel):
    """The request was accepted; the answer is the same for every address."""

    detail: str = SENT


ACCEPTED = ResponseSpec(
    status=202,
    description="The same for every address: only its owner learns more, by mail.",
    model=MailQueued,
    example={"detail": SENT},
)
