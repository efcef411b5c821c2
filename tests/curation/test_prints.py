"""What is remembered of compared examples: enough to compare them again, and no word."""

from bot.curation import prints
from bot.curation.prints import prints_of, prints_of_pair


def test_an_example_has_the_same_prints_when_it_is_compared_again():
    first = prints_of_pair("Where do the keys hang?", "In the porter's lodge.")

    assert prints_of_pair("Where do the keys hang?", "In the porter's lodge.") == first
    assert prints_of_pair("Where do the keys hang?", "At reception.") != first


def test_other_forms_of_a_word_have_its_print():
    both, answer = prints_of_pair("Resetting routers", "Hold the button")

    assert prints_of("reset the router") <= both
    assert prints_of("holds buttons") == answer


def test_no_word_of_a_compared_example_stays_in_memory():
    prints_of_pair("Who knows swordfish?", "Swordfish knows Ann.")

    assert "swordfish" not in repr(prints._known)
    numbers = [number for known in prints._known.values() for each in known for number in each]
    assert numbers
    assert all(type(number) is int for number in numbers)


def test_the_oldest_is_forgotten_first_and_no_more_is_remembered_than_the_bound(monkeypatch):
    monkeypatch.setattr(prints, "_known", {})
    monkeypatch.setattr(prints, "_REMEMBERED", 3)

    for number in range(5):
        prints_of_pair(f"question {number}", "answer")

    assert list(prints._known) == [hash((f"question {number}", "answer")) for number in (2, 3, 4)]
