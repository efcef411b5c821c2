"""Questions that ask the same stand together, and nothing is compared with everything."""

import random
import sys

from bot.dataset import clusters
from bot.dataset.clusters import clusters_of
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

    sets = list(map(clusters._Roots().of, texts))
    weights = clusters._weights(sets)
    for one in range(len(texts)):
        for other in range(one):
            if clusters._alike(sets[one], sets[other], weights):
                assert found[one] == found[other]
    assert len(set(found.values())) < 270


def test_questions_of_one_mould_are_not_all_compared_with_each_other():
    calls = 0

    def count(frame, event, _):
        nonlocal calls
        calls += event == "call" and frame.f_code.co_name == "_alike"

    sys.setprofile(count)
    try:
        clusters_of({number: [f"Where is the key of room {number}?"] for number in range(3000)})
    finally:
        sys.setprofile(None)

    assert calls < 3000 * 8 * clusters.COMPARED_AT_MOST


def test_the_order_of_arrival_makes_no_difference():
    rooms = [f"Where is the key of room {number % 900} now?" for number in range(1200)]

    def together(texts: list[str]) -> set[frozenset[str]]:
        members: dict[int, set[str]] = {}
        for number, name in clusters_of({n: [text] for n, text in enumerate(texts)}).items():
            members.setdefault(name, set()).add(texts[number])
        return {frozenset(each) for each in members.values()}

    assert together(rooms) == together(rooms[::-1])
