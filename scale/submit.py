"""What spark-submit is given to run, with the package as an archive in --py-files."""

import sys

from why502_scale.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
