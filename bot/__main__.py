"""``python -m bot``: build the settings, hand over to the command line."""

import sys

from bot.cli import main
from bot.settings import load_settings

if __name__ == "__main__":
    sys.exit(main(load_settings))
