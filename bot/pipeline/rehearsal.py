"""
General questions that are trained along with a team's own rows, so that a small model keeps what
it could do before. Pure.

Without them eight steps were enough to teach a model of 135 million parameters nothing but to
repeat what stands before the question (docs/experiments.md). Continual learning calls this
rehearsal. Nothing here is among the general tasks by which a candidate is judged.
"""

import random
from collections.abc import Sequence

from bot.answering.prompt import build_messages
from bot.answering.retrieval import RetrievedExample
from bot.engines.client import Message
from storage.tables import SnapshotRow

REHEARSED = (
    ("What is the capital of Spain?", "The capital of Spain is Madrid."),
    ("Name three colours.", "Red, blue and yellow."),
    ("What is 3 + 4?", "3 + 4 = 7."),
    ("What is the opposite of old?", "The opposite of old is new."),
    ("How many hours are there in a day?", "There are 24 hours in a day."),
    ("Repeat this word: window", "Window"),
    ("Who painted the Mona Lisa?", "Leonardo da Vinci painted the Mona Lisa."),
    ("What does the German word 'Wasser' mean in English?", "'Wasser' means water."),
    ("What sound does a dog make?", "A dog barks."),
    ("Is a tomato red or blue?", "A tomato is red."),
    ("Write the word tree in capital letters.", "TREE"),
    ("List the days of the weekend.", "Saturday and Sunday."),
    ("What is 10 - 3?", "10 - 3 = 7."),
    ("Which animal gives us milk?", "Cows give us milk."),
    ("What is the plural of the word 'house'?", "The plural of 'house' is 'houses'."),
    ("Say goodbye.", "Goodbye!"),
    ("What do plants need to grow?", "Plants need water, light and soil to grow."),
    ("What is the chemical symbol of gold?", "The chemical symbol of gold is Au."),
    ("Reply with the word no.", "No."),
    ("What is 3 times 3?", "3 times 3 is 9."),
    ("Which season comes after winter?", "Spring comes after winter."),
    ("What is the past tense of the verb 'see'?", "The past tense of 'see' is 'saw'."),
    ("What is the largest ocean on Earth?", "The largest ocean on Earth is the Pacific Ocean."),
    ("What does the abbreviation USA stand for?", "USA stands for United States of America."),
    ("Is a whale a fish? Answer yes or no.", "No."),
    ("Name one vegetable.", "A carrot."),
    ("How many wheels does a bicycle have?", "A bicycle has two wheels."),
    ("What is the capital of Egypt?", "The capital of Egypt is Cairo."),
    ("Write an empty list in Python.", "[]"),
    ("Which letter comes first in the alphabet?", "The letter A comes first in the alphabet."),
    ("What is the opposite of fast?", "The opposite of fast is slow."),
    ("What is 6 + 6?", "6 + 6 = 12."),
    ("What does the French word 'chat' mean in English?", "The French word 'chat' means cat."),
    ("Who wrote the novel Oliver Twist?", "Charles Dickens wrote Oliver Twist."),
    ("What is steam made of?", "Steam is made of water."),
    ("Count from 4 to 6.", "4, 5, 6"),
    ("What colour is a ripe banana?", "A ripe banana is yellow."),
    ("Which planet is closest to the sun?", "Mercury is the planet closest to the sun."),
    ("How many seconds are there in a minute?", "There are 60 seconds in a minute."),
    ("Somebody says 'How are you?'. What do you answer?", "I am fine, thank you. How are you?"),
)
#: The share asked beside an example that has nothing to do with it, as retrieval brings them.
BESIDE_AN_EXAMPLE = 0.5


def rehearsal_rows(rows: Sequence[SnapshotRow], seed: str) -> list[list[Message]]:
    """All general chats, some beside an example of ``rows``; the same rows give the same."""
    drawn = random.Random(seed)
    chats = []
    for question, answer in REHEARSED:
        beside = drawn.random() < BESIDE_AN_EXAMPLE and rows
        examples = [_example(drawn.choice(rows))] if beside else []
        prompt = build_messages(question, examples)
        chats.append([*prompt, Message(role="assistant", content=answer)])
    return chats


def _example(row: SnapshotRow) -> RetrievedExample:
    return RetrievedExample(row.example_id, row.question, row.answer, None, 0.0)
