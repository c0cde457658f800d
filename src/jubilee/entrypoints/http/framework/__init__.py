"""The HTTP framework of the API: endpoint registry data, binding, problems, paging, conditions."""
