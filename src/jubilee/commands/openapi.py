"""`jubilee openapi`."""

import json
import sys
from argparse import Namespace

from jubilee.entrypoints.http.docs.openapi import document
from jubilee.entrypoints.http.docs.postman import postman_collection
from jubilee.entrypoints.http.docs.yaml_text import yaml_text
from jubilee.entrypoints.http.registry import ENDPOINTS


def openapi(arguments: Namespace) -> int:
    """Print the OpenAPI document as JSON or YAML, or what Postman imports of it."""
    whole = document(ENDPOINTS)
    if arguments.format == "yaml":
        sys.stdout.write(yaml_text(whole))
        return 0
    shown = postman_collection(whole) if arguments.format == "postman" else whole
    sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    return 0
