"""`python -m faceward`: the command line."""

import sys

from faceward.cli import main

if __name__ == "__main__":
    sys.exit(main())
