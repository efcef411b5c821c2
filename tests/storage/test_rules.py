"""Rules of curation: the channel's before the workspace's, and those before the defaults."""

import pytest

from storage import audit, rules
from storage.audience import Viewer
from storage.rules import Rules, rules_for
from tests.teaching import TEAM, fresh_database


@pytest.fixture
def session(tmp_path):
    database = fresh_database(tmp_path)
    with database.write() as session:
        yield session
    database.close()


def test_without_any_setting_the_defaults_hold(session):
    assert rules_for(session, TEAM) == rules_for(session, TEAM, "C0HELP") == Rules()


def test_a_channels_own_value_comes_first_and_the_rest_is_inherited(session):
    rules.set_values(session, TEAM, None, {"quorum": 2, "self_votes": True}, "U0ALICE")
    rules.set_values(
        session, TEAM, "C0OPS", {"quorum": 3, "curators": frozenset({"U0BOB"})}, "U0ALICE"
    )

    assert rules_for(session, TEAM, "C0HELP") == Rules(quorum=2, self_votes=True)
    assert rules_for(session, TEAM, "C0OPS") == Rules(
        quorum=3, self_votes=True, curators=frozenset({"U0BOB"})
    )
    assert rules_for(session, "T_OTHER", "C0OPS") == Rules()
    assert rules.channels_with_rules(session, TEAM) == ["C0OPS"]


def test_who_became_curator_and_who_is_none_any_more_is_on_record_by_name(session):
    for curators in ({"U0BOB", "U0CAROL"}, {"U0BOB", "U0DAVE"}):
        values = {"curators": frozenset(curators)}
        rules.set_values(session, TEAM, "C0HELP", values, "U0ALICE")

    entries = audit.entries(session, TEAM, Viewer.person(()))
    rights = [(e.action, e.subject, e.actor, e.details) for e in entries if "curator" in e.action]
    place = {"place": "C0HELP"}
    assert rights == [
        ("curator.added", audit.person("U0BOB"), "U0ALICE", place),
        ("curator.added", audit.person("U0CAROL"), "U0ALICE", place),
        ("curator.removed", audit.person("U0CAROL"), "U0ALICE", place),
        ("curator.added", audit.person("U0DAVE"), "U0ALICE", place),
    ]


def test_what_is_left_out_is_inherited_again(session):
    rules.set_values(session, TEAM, None, {"good_reactions": ("tada",)}, "U0ALICE")
    with_tada = rules_for(session, TEAM)
    rules.set_values(session, TEAM, None, {}, "U0ALICE")

    assert with_tada.good_reactions == ("tada",)
    assert rules_for(session, TEAM) == Rules()


def test_unknown_rules_are_refused(session):
    with pytest.raises(ValueError, match="quorom"):
        rules.set_values(session, TEAM, None, {"quorom": 2}, "U0ALICE")


def test_admins_curate_always_and_others_where_the_list_says_so():
    usual, listed = Rules(), Rules(curators=frozenset({"U0CAROL"}))

    assert usual.curates("U0BOB", is_admin=False, by_settings=True)
    assert not listed.curates("U0BOB", is_admin=False, by_settings=True)
    assert listed.curates("U0CAROL", is_admin=False, by_settings=False)
    assert listed.curates("U0ALICE", is_admin=True, by_settings=False)


def test_two_people_are_asked_for_in_private_channels_alone():
    strict = Rules(two_person=True)

    assert (strict.quorum_for(is_private=True), strict.quorum_for(is_private=False)) == (2, 1)
    assert Rules(quorum=3, two_person=True).quorum_for(is_private=True) == 3
