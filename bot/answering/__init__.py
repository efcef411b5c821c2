"""How a question becomes an answer: strategy, retrieval, prompt, safe text. Pure of Slack."""
