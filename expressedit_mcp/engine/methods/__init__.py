"""What an edit may do beyond the plain loop: fillings of its slots, and the value that asks for them.

`method` holds the value and imports no torch; the other modules do.
"""
