"""A release that subscribes to an event: `python -m tests.system.next_release worker`."""

from typing import cast

from jubilee.__main__ import main
from jubilee.bootstrap.event_subscribers import EVENT_SUBSCRIBERS

if __name__ == "__main__":
    cast("dict[str, tuple[str, ...]]", EVENT_SUBSCRIBERS)["ItemCreated"] = ("echo",)
    main()
