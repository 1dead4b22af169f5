"""The labels of what is painted where, from which part masks are read."""

NOTHING, HAIR, SKIN, EYE, IRIS, BROW, MOUTH, OTHER = range(8)
