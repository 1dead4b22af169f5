"""`python -m expressedit_mcp` is `expressedit-mcp`."""

from expressedit_mcp.cli import main

if __name__ == "__main__":
    main()
