"""From a thread to a question and its answer, and from votes to what is kept. Knows no Slack."""
