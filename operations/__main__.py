"""`python -m operations VERB`."""

import sys

from operations.cli import main

sys.exit(main())
