"""``python -m bot``: build the settings, hand over to the command line."""

import sys

try:
    from bot.cli import main
    from bot.settings import load_settings
except ModuleNotFoundError as missing:
    if str(missing.name).partition(".")[0] in {"bot", "handlers", "storage"}:
        raise
    sys.exit(
        f"{missing.name} is not installed for {sys.executable}. `make setup` installs everything "
        "into .venv; then write .venv/bin/python -m bot"
    )

if __name__ == "__main__":
    sys.exit(main(load_settings))
