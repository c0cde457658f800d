"""Descriptions of the operations on accounts, by operation id."""

from jubilee.entrypoints.http.docs.phrases import PAGED, PATCHED

REGISTER = (
    "Creates an account and sends its first mail, in the language `locale`, or else that of "
    "`Accept-Language`. An address or username that is in use is a conflict (409). Where the "
    "service hides which addresses have accounts, the answer is 202 for every address, and only "
    "the mail to it says more. A password that is too short, too long, too common or known to be "
    "leaked is refused (422)."
)
WHO_AM_I = "Returns the account that the access token belongs to."
OWN_CREDENTIALS = (
    "`current_password` is required to change one's own e-mail address or password; an account "
    "without a password needs a recent proof instead (403 `reauthentication_required`). A new "
    "password ends all other sessions, and is told by mail."
)
GRACE = (
    "With `ACCOUNT_DELETION_GRACE_DAYS`, one's own account is deleted later (202): until then it "
    "cannot be used, and `POST /users/me/restore` undoes the deletion."
)
MAIL_LINK = (
    "Takes the `token` of the mailed link, or `email` and the `code` beside the link. Both can be "
    "used once, within their time, and a newer mail voids an older one. Wrong codes are limited as "
    "wrong passwords are (429)."
)
MAIL_REQUEST = (
    "The answer is the same for every address, in the same time: an account gets a mail, at most "
    "five in an hour, and another address gets none."
)

ACCOUNT_DESCRIPTIONS = {
    "verifyEmail": f"Verifies the address of the account. {MAIL_LINK}",
    "resendVerification": f"Mails a link that verifies the address. {MAIL_REQUEST}",
    "forgotPassword": f"Mails a link that sets a new password. {MAIL_REQUEST}",
    "resetPassword": (
        "Sets a new password, ends all sessions and other links of the account, and notifies it by "
        f"mail. A refused password does not use up the link. {MAIL_LINK}"
    ),
    "changeEmail": (
        "Mails a link to the new address; until that is confirmed, the present one stays. Requires "
        "the current password. The answer is the same for an address that has an account: its "
        "owner is told by mail."
    ),
    "confirmEmail": (
        "Gives the account its new address, and mails the former one a link that undoes this for "
        f"72 hours. {MAIL_LINK}"
    ),
    "undoEmail": (
        "Gives the account its former address, and ends all sessions and all other links. If the "
        f"account is to be deleted after the days of grace, this is undone as well. {MAIL_LINK}"
    ),
    "listMyMails": (
        "Lists the service's mails to the caller, with their status, while their jobs are kept. "
        f"{PAGED}"
    ),
    "register": REGISTER,
    "createUser": f"The same as `POST /auth/register`. {REGISTER}",
    "whoAmI": f"The same as `GET /users/me`. {WHO_AM_I}",
    "getMe": WHO_AM_I,
    "replaceMe": (
        f"Replaces one's own profile; an absent member takes its default. {OWN_CREDENTIALS}"
    ),
    "changeMe": f"Changes one's own profile. {PATCHED} {OWN_CREDENTIALS}",
    "deleteMe": (
        "Deletes one's own account with its sessions, birthday, tasks and items. The last admin "
        f"cannot be deleted (409). {GRACE}"
    ),
    "exportMe": (
        "Queues a task that writes everything that the service has of the account into a zip file: "
        "JSON, and items as CSV. An account has one export at a time: while one is under way, its "
        "task is returned. When it is ready, the account is mailed a link that works once."
    ),
    "getMyExport": (
        "Returns the latest archive, for seven days after it was requested; before it is ready, "
        "and after that, 404."
    ),
    "restoreMe": (
        "Restores an account whose deletion is pending, however it signs in. It takes the `token` "
        "of the mail about the deletion, `email` and the `code` beside the link, or `username` and "
        "`password`, as all sessions have ended. A wrong password and an account that is not to be "
        "deleted are refused alike, with `invalid_grant`, and a link or code with `invalid_link`; "
        "attempts are limited as at sign-in."
    ),
    "listUsers": f"Lists the accounts, newest first; `q` searches names and addresses. {PAGED}",
    "getUser": (
        "Returns one's own account; an admin or support may read any, with a token that has "
        "`users:read` or `admin`. To others, another account is 403."
    ),
    "replaceUser": (
        "Replaces the profile, `is_active` and `is_superuser` of an account; an absent member "
        "takes its default. The last admin cannot be demoted or disabled (409)."
    ),
    "changeUser": (
        f"Changes the profile, `is_active` or `is_superuser` of an account. {PATCHED} The last "
        "admin cannot be demoted or disabled (409)."
    ),
    "deleteUser": (
        "Deletes an account with its sessions, birthday, tasks and items: one's own, or any as an "
        f"admin. The last admin cannot be deleted (409). {GRACE}"
    ),
    "lockUser": (
        "Refuses every sign-in of an account and ends its sessions, until `until` or until it is "
        "unlocked. Unlike `is_active`, which only admins change, support may do so, for accounts "
        "that have no scope which it lacks. A second lock replaces the first. The last admin "
        "cannot be locked (409)."
    ),
    "unlockUser": (
        "Ends the lock that was put on an account, and that after too many wrong passwords, before "
        "they end by themselves. An account that is not locked stays as it is."
    ),
    "impersonateUser": (
        "Returns an access token by which the caller acts as an account that may do less than the "
        "caller, for 15 minutes. It has the claim `act`, and no refresh token; every answer to it "
        "has the header `Impersonated-By`. It changes neither password, e-mail address, factors, "
        "tokens, roles nor sessions, and deletes no account. It ends with the session and the "
        "rights of the caller. The audit log has the reason, and every entry written meanwhile "
        "names both accounts."
    ),
    "mergeUsers": (
        "Moves the items and tasks of the account `source_id` to this one, and deletes that "
        "account. This one keeps what it has: names, password, sessions, roles, birthday; it takes "
        "over a birthday that it lacks. Of two tasks with the same `task_id`, the moved one gets "
        "its own id instead. Nothing else of the other account remains, and a repetition is 404."
    ),
    "listRoles": "Lists the roles with their scopes, by name. All are on one page.",
    "getUserRoles": "Returns the roles of an account, and the scopes that they give it together.",
    "replaceUserRoles": (
        "Grants an account exactly these roles; every account has `user`. `admin` is the same as "
        "`is_superuser`. A role may be granted or taken away only by an account that has all of "
        "its scopes. The last admin cannot be demoted (409)."
    ),
    "createInvite": (
        "Mails a link by which an address can register with a role, whose scopes the caller must "
        "have. A new invite to the same address replaces the earlier one. The answer is the same "
        "for an address that has an account; the caller's audit log says so."
    ),
    "listInvites": f"Lists the pending invites of all accounts, newest first. {PAGED}",
    "revokeInvite": "Revokes a pending invite: its link no longer works.",
    "acceptInvite": (
        "Creates the account of an invite, with its role and a verified address. It takes "
        "the token of the mailed link, or the code beside it with the address of the mail. They "
        "work once, and while the account that invited may grant the role. If the address has got "
        "an account since, that is a conflict (409) and the invite ends."
    ),
}
