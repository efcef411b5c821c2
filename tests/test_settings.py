"""Settings: what is refused, and what documents say of them."""

from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import load_settings
from bot.settings_table import env_example, markdown_table, with_table

TOP = Path(__file__).parents[1]


def test_a_wrong_value_names_its_variable_and_hides_what_was_given(monkeypatch):
    monkeypatch.setenv("ANSWERS_AT_ONCE", "xoxb-secret")

    with pytest.raises(SettingsError) as refusal:
        load_settings(_env_file=None)

    assert "ANSWERS_AT_ONCE" in str(refusal.value)
    assert "xoxb-secret" not in str(refusal.value)


def test_ids_are_read_from_a_list_with_commas(monkeypatch):
    monkeypatch.setenv("APPRENTICE_CURATORS", "U1, U2,,")

    assert load_settings(_env_file=None).apprentice_curators == {"U1", "U2"}


def test_numbers_are_read_from_a_list_and_full_scale_is_always_tried(monkeypatch):
    monkeypatch.setenv("PROMPT_EXAMPLES", "3, 0,1,")
    monkeypatch.setenv("ADAPTER_SCALES", "0.25,0.5")

    settings = load_settings(_env_file=None)

    assert settings.prompt_examples == (0, 1, 3)
    assert settings.adapter_scales == (1.0, 0.5, 0.25)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PROMPT_EXAMPLES", "many"), ("PROMPT_EXAMPLES", "-1"), ("ADAPTER_SCALES", "0"),
     ("ADAPTER_SCALES", "nan"), ("ADAPTER_SCALES", "9"), ("GATE_MARGIN", "nan"),
     ("GATE_FEWEST_FACTS", "1")],
)  # fmt: skip
def test_what_no_evaluation_can_try_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=name):
        load_settings(_env_file=None)


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-very-secret")

    assert "very-secret" not in repr(load_settings(_env_file=None))


def test_the_database_lies_in_the_home_unless_named(monkeypatch):
    monkeypatch.setenv("APPRENTICE_HOME", "/somewhere")

    settings = load_settings(_env_file=None)

    assert settings.effective_database_url == "sqlite:////somewhere/apprentice.db"


def test_the_documents_say_what_the_settings_are():
    readme = (TOP / "README.md").read_text("utf-8")

    assert (TOP / ".env.example").read_text("utf-8") == env_example()
    assert with_table(readme) == readme
    assert "`SLACK_BOT_TOKEN`" in markdown_table()


def test_a_time_zone_nobody_knows_is_refused_in_a_sentence():
    with pytest.raises(SettingsError, match=r"APPRENTICE_TIMEZONE.*Europe/Berlin"):
        load_settings(_env_file=None, apprentice_timezone="Mars/Olympus")
