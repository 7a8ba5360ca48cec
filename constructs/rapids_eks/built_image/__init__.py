"""An image that is built in the account."""
