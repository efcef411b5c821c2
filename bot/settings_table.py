"""The settings as `.env.example` and as the README's table; ``make docs`` writes both."""

from pathlib import Path

from pydantic.fields import FieldInfo

from bot.settings import Settings

#: What `run` cannot do without; everything else has a default.
REQUIRED = {"slack_bot_token", "slack_app_token"}


def env_example() -> str:
    """Return the text of `.env.example`."""
    lines = [
        "# Every variable Apprentice reads. Copy to .env and fill in; the demo needs none of them.",
        "# Generated from bot/settings.py by `make docs`.",
    ]
    for name, field in Settings.model_fields.items():
        kind = "Required" if name in REQUIRED else "Optional"
        lines += ["", f"# {kind}. {field.description}", f"{name.upper()}={_shown_default(field)}"]
    return "\n".join(lines) + "\n"


def markdown_table() -> str:
    """Return the README's table of settings."""
    lines = ["| Variable | Default | Meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = _shown_default(field)
        shown = "*required*" if name in REQUIRED else f"`{default}`" if default else ""
        lines.append(f"| `{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines)


def with_table(readme: str) -> str:
    """
    Return the README with the table between its two markers renewed.

    Raises:
        ValueError: the markers are missing.
    """
    start, end = "<!-- settings -->\n", "<!-- /settings -->"
    before, found, rest = readme.partition(start)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"The README needs the markers {start.strip()} and {end}.")
    return f"{before}{start}{markdown_table()}\n{end}{after}"


def _shown_default(field: FieldInfo) -> str:
    default = field.default
    if default is None:
        return ""
    if isinstance(default, tuple | frozenset | dict):
        return ",".join(f"{one:g}" if isinstance(one, float) else str(one) for one in default)
    return str(default)


if __name__ == "__main__":
    top = Path(__file__).parents[1]
    (top / ".env.example").write_text(env_example(), "utf-8")
    readme = top / "README.md"
    readme.write_text(with_table(readme.read_text("utf-8")), "utf-8")
