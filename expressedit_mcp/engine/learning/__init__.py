"""Learning a character or an attribute from a few pictures, as a token of the text encoders (S²Edit's idea).

`request` and `file` hold values and import no torch; the other modules do. S²Edit (arXiv 2507.04584) publishes
neither code nor losses within reach; what stands here is this project's own specification, docs/characters.md.
"""
