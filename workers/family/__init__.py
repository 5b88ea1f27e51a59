"""The bundled models' own parts: their tokenizer, their shapes, and empty models to pretrain."""
