"""Methods that PEFT doesn't know: one file each, with the name of its declaration in `templates/methods/`.

Each defines `adapt(model, params) -> model`, which gets a freshly loaded base and returns the model to
train. A method with a `peft_type` needs no file.
"""
