"""The framework of the API on Starlette: endpoints, binding, problems, paging, conditions."""
