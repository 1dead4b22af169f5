"""Training of the shipped model on the rig's drawings: `python -m expressedit_mcp.preview.train`."""
