"""What Jubilee is about: entities, rules, ports and use cases; standard library only."""
