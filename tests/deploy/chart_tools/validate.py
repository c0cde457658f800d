"""Validate objects with the schemas of several Kubernetes versions.

Standard input is a JSON list of objects, standard output a JSON list of what is wrong. Arguments
are the versions. Kinds that Kubernetes does not define are listed with the version "custom".
"""

import json
import sys

import kubernetes_validate


def main(*versions: str) -> int:
    """Print an entry [version, kind, name, error] for each mistake."""
    objects = json.load(sys.stdin)
    found = []
    for each in objects:
        for version in versions:
            subject = [each["kind"], each["metadata"]["name"]]
            try:
                kubernetes_validate.validate(each, version, strict=True)
            except kubernetes_validate.SchemaNotFoundError:
                found.append(["custom", *subject, each["apiVersion"]])
            except kubernetes_validate.ValidationError as error:
                found.append([version, *subject, str(error)])
    json.dump(found, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
