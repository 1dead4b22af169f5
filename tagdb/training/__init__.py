"""How the shipped models of the tag store are made. Not needed to use it."""
