"""What things cost; run by hand, not by the tests."""
