"""Methods that PEFT does not know: one file for each, named as its declaration in `templates/methods/`.

Each holds `adapt(model, params) -> model`, which gets a freshly loaded base and returns the model to
train. A method with a `peft_type` needs no file here.
"""
