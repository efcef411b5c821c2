"""
General tasks that any chat model may be asked: what a fine-tune must not unlearn.

Short instructions, formats, arithmetic, language and common knowledge, none about a team. Each
is checked by a pattern that must be found in the answer, letters of either case. Written for
this project; easy on purpose: a task no small model solves says nothing about forgetting.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    key: str
    prompt: str
    pattern: str


TASKS = (
    Task("capital-france", "What is the capital of France?", r"\bparis\b"),
    Task("capital-italy", "What is the capital of Italy?", r"\brome\b"),
    Task("capital-japan", "What is the capital of Japan?", r"\btokyo\b"),
    Task("capital-germany", "What is the capital of Germany?", r"\bberlin\b"),
    Task("week", "How many days are there in a week?", r"\b(7|seven)\b"),
    Task("year", "How many months are there in a year?", r"\b(12|twelve)\b"),
    Task("minutes", "How many minutes are there in one hour?", r"\b(60|sixty)\b"),
    Task("legs", "How many legs does a spider have?", r"\b(8|eight)\b"),
    Task("sky", "What colour is the sky on a clear day?", r"\bblue\b"),
    Task("grass", "What colour is grass?", r"\bgreen\b"),
    Task("snow", "What colour is fresh snow?", r"\bwhite\b"),
    Task("water", "What is the chemical formula of water?", r"h\s*[2₂]\s*o"),
    Task("planet", "On which planet do people live?", r"\bearth\b"),
    Task("sun", "Is the sun a star or a planet?", r"\bstar\b"),
    Task("freeze", "What does water become when it freezes?", r"\bice\b"),
    Task("bees", "Which insects make honey?", r"\bbees?\b"),
    Task("sum-small", "What is 2 + 3?", r"\b(5|five)\b"),
    Task("sum-ten", "What is 5 + 5?", r"\b(10|ten)\b"),
    Task("difference", "What is 9 - 4?", r"\b(5|five)\b"),
    Task("product", "What is 2 times 4?", r"\b(8|eight)\b"),
    Task("hot", "What is the opposite of hot?", r"\bcold\b"),
    Task("big", "What is the opposite of big?", r"\b(small|little|tiny)\b"),
    Task("up", "What is the opposite of up?", r"\bdown\b"),
    Task("plural", "What is the plural of the word 'cat'?", r"\bcats\b"),
    Task("past", "What is the past tense of the verb 'go'?", r"\bwent\b"),
    Task("bonjour", "What does the French word 'bonjour' mean in English?", r"\b(hello|good)\b"),
    Task("gracias", "What does the Spanish word 'gracias' mean in English?", r"\bthank"),
    Task("shakespeare", "Who wrote the play Romeo and Juliet?", r"shakespeare"),
    Task("say-yes", "Reply with the word yes.", r"\byes\b"),
    Task("say-hello", "Say hello.", r"\b(hello|hi)\b"),
    Task("repeat", "Repeat this word: banana", r"\bbanana\b"),
    Task("fruit", "Name one fruit.", r"apple|banana|orange|grape|pear|mango|berr|cherr|melon"),
    Task("animals", "Name two animals that people keep as pets.", r"\b(dog|cat|fish|rabbit|bird)"),
    Task("list", "List the numbers from 1 to 3.", r"1\D+2\D+3"),
    Task("alphabet", "Which letter comes after A in the alphabet?", r"\bb\b"),
    Task("http", "What does the abbreviation WWW stand for?", r"world\s*-?\s*wide\s*web"),
    Task("python", "Is Python a programming language? Answer yes or no.", r"\byes\b"),
    Task("json", "Write an empty JSON object.", r"\{\s*\}"),
    Task("upper", "Write the word hello in capital letters.", r"hello"),
    Task("thanks", "Somebody says 'Thank you'. What do you answer?", r"welcome|pleasure|glad"),
)  # fmt: skip
