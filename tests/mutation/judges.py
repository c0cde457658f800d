"""Tests that judge mutations by the path of their module, whatever lines the tests run."""

# These judge what no recorded test runs. The first whose path a module's path begins with counts.
BY_FOLDER = {
    "jubilee/adapters/postgres/schema.py": ["tests/system/test_migrations.py"],
    "jubilee/bootstrap/mail.py": ["tests/system/test_mail_wiring.py"],
    "jubilee/commands/jobs": ["tests/commands", "tests/system/test_jobs_command.py"],
    "jubilee/commands/health": ["tests/system/test_health_command.py"],
    "jubilee/commands/restored": ["tests/system/test_backups.py"],
    "jubilee/commands/schema": ["tests/system/test_migrations.py"],
    "jubilee/commands/status": ["tests/system/test_status.py"],
    "jubilee/commands/up": ["tests/system/test_up.py"],
    "jubilee/adapters/embedded/": ["tests/adapters/embedded", "tests/entrypoints"],
    "jubilee/adapters/telemetry/": [
        "tests/telemetry/test_line_writer.py",
        "tests/telemetry/test_logs.py",
    ],
    "jubilee/adapters/": ["tests/system/test_start.py"],
    "jubilee/bootstrap/": ["tests/system/test_start.py", "tests/system/test_jobs_command.py"],
    "jubilee/commands/": [
        "tests/commands",
        "tests/system/test_commands.py",
        "tests/system/test_user_commands.py",
    ],
    "jubilee/entrypoints/local/": ["tests/entrypoints/local", "tests/system/test_start.py"],
    "jubilee/entrypoints/": ["tests/entrypoints", "tests/system/test_shutdown.py"],
    "jubilee/": ["tests/system/test_commands.py"],
}

PROCESSES = (
    "jubilee/__main__.py",
    "jubilee/adapters/embedded/",
    "jubilee/bootstrap/",
    "jubilee/commands/",
    "jubilee/entrypoints/local/",
)
"""What runs as a process of its own; functions elsewhere may run only while modules are loaded."""

FORMATS = (
    *("api_tokens/text", "audit/chain", "audit/entry", "auth/pending"),
    *("factors/recovery_codes", "greetings/opt_out", "idempotency/answers"),
    *("one_time/secrets", "passkeys/challenges"),
)
"""Modules of the domain that write and read the same format: only a known answer tells."""

# What modules declare is data, which tests read without calling a function of theirs: by the path
# of the module, and a text of the line.
ALWAYS = (
    (
        "jubilee/adapters/postgres/tables/",
        "",
        "tests/system/test_migrations.py::test_the_migrations_create_exactly_the_declared_tables",
    ),
    ("jubilee/adapters/postgres/", "", "tests/contracts/test_other_accounts.py"),
    ("jubilee/domain/", ": bool = ", "tests/contracts/test_port_defaults.py"),
    ("jubilee/settings/", "", "tests/settings"),
    ("jubilee/entrypoints/http/", "", "tests/http/test_openapi_rules.py"),
    ("jubilee/entrypoints/http/docs/", "", "tests/http/test_openapi_headers.py"),
    ("jubilee/entrypoints/http/", "conditional=", "tests/http/test_conditions.py"),
    ("jubilee/entrypoints/http/", "status=", "tests/http/test_openapi.py"),
    ("jubilee/", "repr=", "tests/adapters/test_secret_reprs.py"),
    *(
        (f"jubilee/domain/{name}.py", "", "tests/bootstrap/test_stored_formats.py")
        for name in FORMATS
    ),
)
