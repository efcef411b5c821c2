from tests.models import models_dir, smollm, tiny_adapter, tiny_base, tiny_engine, tiny_folder

__all__ = ["models_dir", "smollm", "tiny_adapter", "tiny_base", "tiny_engine", "tiny_folder"]
