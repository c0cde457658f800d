"""What a client can do about a problem: by its code, and otherwise by its status."""

BY_STATUS = {
    400: "Correct the request: it cannot be read as it is. `detail` says where.",
    401: "Sign in by `POST /auth/login` and send the access token as `Authorization: Bearer …`.",
    403: "Use an account that may do this, or ask an admin. Repeating the request does not help.",
    404: "Check the path and the id. What was deleted is not found, either.",
    405: "Use one of the methods that the `Allow` header lists.",
    406: "Ask for a content type that the documentation names in `Accept`, or leave it out.",
    408: "Send the whole body without long pauses.",
    409: "Read the present state, and decide whether the request still makes sense.",
    412: "Read it again, take over its new `ETag`, and repeat the change.",
    413: "Send a smaller body.",
    414: "Shorten the path or the query.",
    415: "Send the content type that the documentation names.",
    422: "Correct the members that `errors` names by their JSON pointers, and send it again.",
    428: "Send the precondition that `detail` names.",
    429: "Wait for the seconds that `Retry-After` names, or remove what is no longer needed.",
    431: "Send fewer or shorter headers.",
    500: "Report it with its `request_id`. Repeating the request may help.",
    501: "Use a method that the documentation names, in capital letters.",
    503: "Repeat the request after the seconds that `Retry-After` names.",
}
BY_CODE = {
    "current_password_needed": "Send the present password as `current_password` along with it.",
    "head_too_slow": "Send the request line and all headers without long pauses.",
    "invalid_cursor": "Start at the first page, with the same filters, order and path.",
    "invalid_grant": "Check username and password. After a refused refresh token, sign in again.",
    "invalid_token": "Get a new access token by `POST /auth/refresh`, or sign in again.",
    "kind_not_allowed": "Ask an admin to create this task.",
    "last_admin": "Make another account an admin first.",
    "not_dead": "Wait until the task has failed for good; one that still runs is tried again.",
    "task_id_taken": "Choose another `task_id`, or send the same kind and data as before.",
    "too_many_tasks": "Wait until some tasks have ended, or cancel some.",
    "unknown_kind": "Use a kind that the documentation of `POST /tasks` lists.",
    "unsupported_grant_type": "Send a `grant_type` that `detail` names, or leave it out.",
    "wrong_current_password": "Send the password that the account has now.",
}


def remedy(code: str, status: int) -> str:
    """Advice in Markdown's inline code; KeyError for a status that no problem has."""
    return BY_CODE.get(code) or BY_STATUS[status]
