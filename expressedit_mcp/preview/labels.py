"""The labels of what is painted where, from which part masks are read."""

NOTHING, HAIR, FACE_SKIN, BODY_SKIN, EYE, IRIS, BROW, MOUTH, OTHER = range(9)
