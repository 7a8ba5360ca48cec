"""Print the JSON Schema of a blueprint: `python -m config > blueprint.schema.json`."""

import json
import sys

from config import schema

if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
