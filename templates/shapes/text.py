"""Plain text, one document or passage a row: for continued pretraining."""

from templates.spec import RowShape, ShapeField

SPEC = RowShape(
    title="Plain text",
    summary="One text a row; every token is learned.",
    fields=(ShapeField("text", "Text", aliases=("text", "content", "document", "body", "passage", "article")),),
)
