"""The seed organisation: its form, its quality, its freeze, and errors that say what is wrong."""

import json
import re
from collections import Counter
from itertools import permutations
from typing import Any

import pytest

from bot.seed import Fact, SeedDataError, Unanswered, curated_facts, load_facts, load_unanswered
from bot.seed.__main__ import report
from bot.seed.figures import bm25, overlap
from bot.seed.freeze import changed_parts, fingerprints, frozen_fingerprints
from bot.seed.organisation import parse_facts, parse_unanswered
from bot.seed.words import content_words, jaccard, share

FACTS = load_facts()
UNANSWERED = load_unanswered()
NEAR_DUPLICATE = 0.75
REAL_NAMES = """
slack github gitlab jira confluence aws amazon azure google microsoft windows macbook apple
iphone android oracle postgres postgresql mysql redis kafka docker kubernetes jenkins grafana
datadog splunk pagerduty opsgenie okta zoom notion figma salesforce zendesk stripe paypal
visa mastercard openai chatgpt copilot claude
"""


def record(**changes: Any) -> dict[str, Any]:
    good = {
        "id": "tea",
        "topic": "office",
        "wordings": ["Where is the tea?", "Any tea?", "tea, anyone?"],
        "answer": "In the cupboard.",
        "curated": False,
    }
    return good | changes


def texts() -> list[str]:
    of_facts = [text for fact in FACTS for text in (*fact.wordings, fact.answer)]
    return of_facts + [each.question for each in UNANSWERED]


def test_there_are_120_facts_and_30_unanswered_questions():
    assert len(FACTS) == 120
    assert len(UNANSWERED) == 30
    assert all(len(fact.wordings) == 3 for fact in FACTS)


def test_the_first_fact_is_the_one_of_the_guide():
    assert FACTS[0].wordings[0] == "How do I get access to the staging database?"
    assert FACTS[0].curated


def test_the_demo_starts_with_30_facts_from_every_topic():
    curated = curated_facts()

    assert len(curated) == 30
    assert {fact.topic for fact in curated} == {fact.topic for fact in FACTS}


def test_curated_facts_come_from_a_thread_between_two_colleagues_and_others_from_none():
    for fact in FACTS:
        assert (fact.thread is not None) == fact.curated
        if fact.thread:
            assert fact.thread.asked_by != fact.thread.answered_by


def test_topics_hold_several_facts_so_that_finding_the_right_one_is_work():
    sizes = Counter(fact.topic for fact in FACTS)

    assert min(sizes.values()) >= 4


def test_no_text_is_there_twice_even_with_other_capitals():
    repeated = [text for text, times in Counter(t.casefold() for t in texts()).items() if times > 1]

    assert repeated == []


def test_lengths_are_within_their_limits():
    for fact in FACTS:
        assert 12 <= len(fact.answer.split()) <= 35, fact.id
        assert fact.answer.endswith("."), fact.id
        assert all(3 <= len(wording.split()) <= 26 for wording in fact.wordings), fact.id


def test_no_answer_is_contained_in_another():
    for one, other in permutations(FACTS, 2):
        assert one.answer.rstrip(".") not in other.answer, (one.id, other.id)


def test_no_two_facts_are_asked_for_in_nearly_the_same_words():
    words = [[content_words(wording) for wording in fact.wordings] for fact in FACTS]

    for (one, its), (other, others) in permutations(zip(FACTS, words, strict=True), 2):
        nearest = max(jaccard(mine, theirs) for mine in its for theirs in others)
        assert nearest < NEAR_DUPLICATE, (one.id, other.id)


def test_no_unanswered_question_nearly_repeats_the_question_of_a_fact():
    wordings = [(fact.id, content_words(wording)) for fact in FACTS for wording in fact.wordings]

    for each in UNANSWERED:
        asked = content_words(each.question)
        for fact_id, words in wordings:
            assert jaccard(asked, words) < NEAR_DUPLICATE, (each.id, fact_id)


def test_most_unanswered_questions_are_near_misses():
    assert sum(each.near is not None for each in UNANSWERED) >= 20


def test_every_third_wording_can_be_found_by_a_word_but_repeats_no_first_wording():
    third = overlap(FACTS, 2)

    assert third.fewest_known >= 1
    assert third.share < 0.35
    assert bm25(FACTS, 2, stop_words=False, stemmed=True).among_three > 100


def test_no_product_or_company_of_the_real_world_is_named():
    named = {word for text in texts() for word in re.findall(r"[a-z]+", text.lower())}

    assert named & set(REAL_NAMES.split()) == set()


def test_nothing_looks_like_personal_data_or_leads_outside():
    for text in texts():
        assert not re.search(r"\w@\w+\.\w", text), text
        assert not re.search(r"\d[\d /-]{7,}\d", text), text
        hosts = re.findall(r"https?://([^/\s,]+)", text)
        assert all(host.rstrip(".").endswith(".brackenferry.example") for host in hosts), text


def test_what_was_frozen_is_unchanged():
    assert changed_parts(FACTS, UNANSWERED) == []
    assert set(frozen_fingerprints()) == {"answers", "third_wordings", "unanswered"}


def test_a_changed_comma_in_a_third_wording_is_noticed():
    facts = [parse_facts(json.dumps([record()]))[0]]
    changed = [
        parse_facts(json.dumps([record(wordings=["Where is the tea?", "Any tea?", "tea"])]))[0]
    ]

    before, after = fingerprints(facts, UNANSWERED), fingerprints(changed, UNANSWERED)

    assert {part for part in before if before[part] != after[part]} == {"third_wordings"}


def test_the_order_of_records_is_not_part_of_the_freeze():
    assert fingerprints(reversed(FACTS), reversed(UNANSWERED)) == fingerprints(FACTS, UNANSWERED)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([record(wordings=["one", "two"])], "wordings"),
        ([record(answer="")], "answer"),
        ([record(answer=" padded ")], "answer"),
        ([record(id="Not A Slug")], "id"),
        ([record(colour="red")], "colour"),
        ([record(), record(id="coffee")], "more than once"),
        ([record(wordings=["tea?", "tea?", "tea"])], "more than once"),
        ([record(curated=True)], "go together"),
        (
            [
                record(
                    curated=True,
                    thread={"channel": "C0HELP", "asked_by": "U0BOB", "answered_by": "U0BOB"},
                )
            ],
            "own question",
        ),
        (
            [
                record(
                    curated=True,
                    thread={"channel": "C0OPS", "asked_by": "U0BOB", "answered_by": "U0ALICE"},
                )
            ],
            "channel",
        ),
    ],
)
def test_a_broken_fact_is_refused_with_the_file_and_the_reason(records, reason):
    with pytest.raises(SeedDataError, match=reason) as refused:
        parse_facts(json.dumps(records))

    assert str(refused.value).startswith("bot/seed/facts.json: ")


def test_a_file_that_is_no_json_is_refused():
    with pytest.raises(SeedDataError, match="the whole file"):
        parse_facts("[{")


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([{"id": "a", "near": "nowhere", "question": "Why?"}], "no fact 'nowhere'"),
        ([{"id": "a", "near": None, "question": "Why?"}] * 2, "more than once"),
        ([{"id": "a", "question": "Why?"}], "near"),
    ],
)
def test_a_broken_unanswered_question_is_refused(records, reason):
    with pytest.raises(SeedDataError, match=reason):
        parse_unanswered(json.dumps(records), {"tea"})


def test_values_are_frozen():
    with pytest.raises(AttributeError):
        FACTS[0].answer = "Other."  # type: ignore[misc]

    assert isinstance(FACTS[0], Fact)
    assert isinstance(UNANSWERED[0], Unanswered)


def test_inflected_words_count_as_one_and_stop_words_as_none():
    assert content_words("How do I deploy?") == content_words("the DEPLOYS") == {"deploi"}
    assert jaccard({"a", "b"}, {"b", "c"}) == pytest.approx(1 / 3)
    assert share({"a", "b"}, {"b", "c", "d"}) == 0.5
    assert jaccard(set(), set()) == share(set(), {"a"}) == 0


def test_the_report_gives_every_figure_and_says_that_nothing_changed():
    text = "\n".join(report(FACTS, UNANSWERED))

    assert "120 facts" in text
    assert text.count("BM25") == 8
    assert text.count("as frozen") == 3
    assert "CHANGED" not in text
