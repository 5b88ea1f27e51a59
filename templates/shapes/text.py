"""Plain text, one document or passage per row: for continued pretraining."""

from templates.spec import RowShape, ShapeField

SPEC = RowShape(
    title="Plain text",
    summary="One text per row; the model learns every token.",
    fields=(ShapeField("text", "Text", aliases=("text", "content", "document", "body", "passage", "article")),),
)
