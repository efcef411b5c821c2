"""Questions that ask the same stand together, and nothing is compared with everything."""

import random

from bot.dataset.candidates import candidates
from bot.dataset.clusters import clusters_of
from bot.dataset.word_sets import WordSets
from tests.made_up_words import Words


def test_case_order_punctuation_and_endings_make_no_difference():
    assert clusters_of({
        3: ["Where is the key of room 4?"],
        1: ["room 4, where IS the key of the rooms"],
        2: ["Where is the key of room 5?"],
    }) == {1: 1, 2: 2, 3: 1}  # fmt: skip


def test_any_wording_may_be_the_bridge_and_chains_are_one_cluster():
    assert clusters_of({7: ["a b", "c d"], 5: ["d c", "e f"], 6: ["f e"], 9: ["g h"]}) == {
        5: 5, 6: 5, 7: 5, 9: 9,
    }  # fmt: skip


def test_texts_without_words_are_compared_as_they_are():
    assert clusters_of({1: ["🙂"], 2: ["🙂"], 3: ["👍"], 4: [""]}) == {1: 1, 2: 1, 3: 3, 4: 4}


def test_it_finds_what_comparing_everything_would():
    words = Words(seed=4, vocabulary=3000)
    sentences = [words.sentence(5, 10) for _ in range(150)]
    texts = sentences + [" ".join(s.split()[1:]) for s in sentences]
    random.Random(1).shuffle(texts)

    found = clusters_of({number: [text] for number, text in enumerate(texts)})

    sets = WordSets(texts)
    for one in range(len(texts)):
        for other in range(one):
            if sets.are_alike(one, other):
                assert found[one] == found[other]
    assert len(set(found.values())) < 270


def test_few_pairs_are_left_to_compare_word_by_word():
    words = Words(seed=4, vocabulary=300)
    mould = [f"Where is the key of room {number}?" for number in range(3000)]
    crowd = [words.sentence(6, 14) for _ in range(3000)]

    assert not list(candidates(WordSets(mould)))
    assert len(list(candidates(WordSets(crowd)))) < len(crowd)


def test_a_text_is_compared_with_a_few_of_those_that_have_its_rare_word(monkeypatch):
    same = WordSets(["the same"] * 100)
    monkeypatch.setattr("bot.dataset.candidates.COMPARED_AT_MOST", 3)

    assert len(list(candidates(same))) == 99 + 98 + 97


def test_nothing_has_no_clusters():
    assert clusters_of({}) == {}


def test_the_order_of_arrival_makes_no_difference():
    rooms = [f"Where is the key of room {number % 900} now?" for number in range(1200)]

    def together(texts: list[str]) -> set[frozenset[str]]:
        members: dict[int, set[str]] = {}
        for number, name in clusters_of({n: [text] for n, text in enumerate(texts)}).items():
            members.setdefault(name, set()).add(texts[number])
        return {frozenset(each) for each in members.values()}

    assert together(rooms) == together(rooms[::-1])
