"""Fine-tuning: the trainers' one promise, and the local one with its child process."""
