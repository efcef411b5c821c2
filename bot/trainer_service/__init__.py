"""OpenAI's fine-tuning wire over trainer ``local`` and our engine: ``python -m bot trainer``."""
