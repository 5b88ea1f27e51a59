"""Makes the bundled models: tokenizer, untrained model, pretraining, card."""
