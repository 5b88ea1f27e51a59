"""How the bundled models are made: tokenizer, untrained model, pretraining, card."""
