"""Steps of the workflows that are more than a make target."""
