"""`jubilee openapi`."""

import json
import sys
from argparse import Namespace

from jubilee.entrypoints.http.docs.openapi import document
from jubilee.entrypoints.http.registry import ENDPOINTS


def openapi(_: Namespace) -> int:
    """Print the OpenAPI document as JSON."""
    sys.stdout.write(json.dumps(document(ENDPOINTS), indent=2) + "\n")
    return 0
