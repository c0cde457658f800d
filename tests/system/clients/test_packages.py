"""The lock file of Node's packages."""

import json

from tests.system.clients.node import HERE

LOCK = json.loads((HERE / "package-lock.json").read_text())


def test_every_package_is_locked_by_its_hash_and_not_to_a_host() -> None:
    packages = {name: package for name, package in LOCK["packages"].items() if name}
    assert len(packages) > 200
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
