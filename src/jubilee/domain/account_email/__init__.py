"""What an account does by mail: verify or change its address, and set a new password."""
