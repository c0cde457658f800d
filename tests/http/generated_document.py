"""The OpenAPI document of this version, generated once for all tests of a process."""

from jubilee.entrypoints.http.docs.openapi import document
from jubilee.entrypoints.http.registry import ENDPOINTS

DOCUMENT = document(ENDPOINTS)
