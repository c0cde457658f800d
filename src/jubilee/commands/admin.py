"""`jubilee admin create`: registers the first admin, as over HTTP only an admin can make others."""

import sys
from argparse import Namespace

from pydantic import ValidationError

from jubilee.commands.opening import with_services
from jubilee.commands.passwords import read_password
from jubilee.commands.reading import read_settings, reasons
from jubilee.commands.refusal import CommandRefused
from jubilee.domain.identity import OPERATOR
from jubilee.domain.services import Services
from jubilee.domain.users.user import Profile, User
from jubilee.entrypoints.http.user_models import Registration


def create(chosen: Namespace) -> int:
    """Register an admin and print its id, e-mail address and username."""
    password = read_password(from_stdin=chosen.password_stdin)
    settings = read_settings()
    try:
        form = Registration(email=chosen.email, username=chosen.username, password=password)
    except ValidationError as error:
        raise CommandRefused(reasons(error)) from None

    async def register(services: Services) -> User:
        profile: Profile = {**form.to_domain(), "is_superuser": True}
        return await services.users.register(profile, password, by=OPERATOR)

    user = with_services(settings, register, command="admin")
    username = f", username {user.username}" if user.username else ""
    sys.stdout.write(f"created admin {user.id}: {user.email}{username}\n")
    return 0
