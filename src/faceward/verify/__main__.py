"""`python -m faceward.verify`."""

import sys

from faceward.verify import main

sys.exit(main())
