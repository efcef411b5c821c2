"""Models that answer: one client for OpenAI-shaped servers, and the llama.cpp child it talks to."""
