"""Column names by meaning, in several languages: the only table for guessing columns.

Row shapes list the English names of their fields; this module says which names in other languages mean the
same, which names go together, and which say that a column is an answer, a label, or bookkeeping.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache

TRANSLATIONS: Mapping[str, tuple[str, ...]] = {
    # English         German, French, Spanish, Chinese
    "prompt": ("Eingabeaufforderung", "invite", "indicación", "提示", "提示词", "提示語"),
    "instruction": ("Anweisung", "Anleitung", "Aufgabe", "consigne", "instrucción", "consigna", "指令", "指示", "说明"),
    "question": ("Frage", "Kundenfrage", "question", "pregunta", "问题", "問題", "问", "提问", "客户问题"),
    "query": ("Abfrage", "Suchanfrage", "requête", "consulta", "查询", "查詢"),
    "request": ("Anfrage", "Kundenanfrage", "demande", "solicitud", "petición", "请求", "請求", "咨询"),
    "input": ("Eingabe", "entrée", "entrada", "输入", "輸入"),
    "context": ("Kontext", "Zusammenhang", "contexte", "contexto", "上下文", "语境", "背景"),
    "passage": ("Abschnitt", "Passage", "extrait", "pasaje", "fragmento", "段落", "文段"),
    "source": ("Quelle", "Quelltext", "source", "fuente", "原文", "来源"),
    "completion": ("Vervollständigung", "complétion", "compleción", "补全"),
    "answer": ("Antwort", "Musterantwort", "réponse", "respuesta", "回答", "答案", "答", "标准答案", "答复"),
    "response": ("Rückmeldung", "Erwiderung", "réplique", "contestación", "响应", "回应", "回應"),
    "reply": ("Rückantwort", "réponse de l'agent", "respuesta del agente", "回复", "回覆", "客服回复"),
    "output": ("Ausgabe", "sortie", "salida", "输出", "輸出"),
    "solution": ("Lösung", "solution", "solución", "解答", "解决方案", "解決方案"),
    "summary": ("Zusammenfassung", "Kurzfassung", "résumé", "synthèse", "resumen", "síntesis", "摘要", "总结"),
    "translation": ("Übersetzung", "traduction", "traducción", "翻译"),
    "target": ("Ziel", "Zieltext", "cible", "objetivo", "目标", "译文"),
    "system": ("System", "système", "sistema", "系统", "系統"),
    "system_prompt": ("Systemprompt", "invite système", "prompt del sistema", "系统提示", "系统提示词"),
    "text": ("Text", "texte", "texto", "文本", "正文", "文字"),
    "content": ("Inhalt", "contenu", "contenido", "内容", "內容"),
    "document": ("Dokument", "document", "documento", "文档", "文件内容"),
    "article": ("Artikel", "article", "artículo", "文章"),
    "sentence": ("Satz", "phrase", "frase", "oración", "句子"),
    "utterance": ("Äußerung", "énoncé", "enunciado", "语句", "话语"),
    "message": ("Nachricht", "Mitteilung", "message", "mensaje", "消息", "留言", "信息"),
    "review": ("Bewertung", "Rezension", "avis", "reseña", "评论", "評論", "评价"),
    "comment": ("Kommentar", "commentaire", "comentario", "意见", "备注"),
    "description": ("Beschreibung", "description", "descripción", "描述", "说明文字"),
    "subject": ("Betreff", "objet", "sujet", "asunto", "主题", "主題"),
    "title": ("Titel", "Überschrift", "titre", "título", "标题", "標題"),
    "body": ("Textkörper", "Nachrichtentext", "corps", "cuerpo", "邮件正文"),
    "label": ("Etikett", "Label", "étiquette", "libellé", "etiqueta", "标签", "標籤", "标注"),
    "category": ("Kategorie", "Rubrik", "catégorie", "categoría", "类别", "類別", "分类", "分類"),
    "class": ("Klasse", "Einordnung", "classe", "clase", "类", "等级"),
    "intent": ("Absicht", "Anliegen", "intention", "intención", "意图", "意圖"),
    "sentiment": ("Stimmung", "Tonalität", "sentiment", "sentimiento", "情感", "情绪"),
    "topic": ("Thema", "thème", "tema", "话题", "話題"),
    "type": ("Typ", "Art", "type", "tipo", "类型", "類型"),
    "tag": ("Schlagwort", "mot-clé", "marca", "标记"),
    "messages": ("Nachrichten", "messages", "mensajes", "消息列表"),
    "conversation": ("Gespräch", "Unterhaltung", "conversation", "conversación", "对话", "對話", "会话"),
    "dialogue": ("Dialog", "dialogue", "diálogo"),
    "tools": ("Werkzeuge", "outils", "herramientas", "工具"),
    "chosen": ("bevorzugt", "gewählt", "choisi", "préféré", "elegida", "elegido", "preferida", "优选", "被选"),
    "rejected": ("abgelehnt", "verworfen", "rejeté", "rejetée", "rechazada", "rechazado", "拒绝", "被拒"),
}
"""For each English name, names in other languages that mean the same."""

_NAMES_OF: Mapping[str, tuple[str, ...]] = {
    "answer": (
        *("answer", "answers", "reply", "replies", "response", "responses", "completion", "output", "solution"),
        *("resolution", "target", "summary", "highlights", "translation", "chosen", "rejected"),
    ),
    "question": ("question", "prompt", "instruction", "query", "request", "utterance"),
    "text": ("text", "message", "body", "content", "description", "comment", "review", "sentence", "article"),
    "label": (
        *("label", "labels", "category", "class", "intent", "sentiment", "topic", "tag", "type", "kind", "genre"),
        *("rating", "stars", "emotion", "verdict", "classification", "priority", "severity", "queue"),
    ),
    "bookkeeping": (
        *("id", "ids", "uuid", "guid", "index", "idx", "number", "no", "nr", "num", "count", "n", "row", "hash"),
        *("date", "time", "timestamp", "created", "updated", "modified", "at", "day", "month", "year", "duration"),
        *("language", "lang", "locale", "country", "region", "city", "state", "zip", "address", "currency", "split"),
        *("fold", "subset", "partition", "set", "author", "username", "annotator", "annotation"),
        *("worker", "email", "mail", "phone", "url", "link", "file", "filename", "path", "page", "version"),
        *("license", "licence", "source", "origin", "model", "gender", "sex", "age", "section", "paragraph"),
        *("is", "has", "was", "active", "deleted", "archived", "enabled", "verified", "score", "length", "tokens"),
        *("hidden", "locked", "pinned", "public", "private", "anonymous"),
        *("Datum", "Zeit", "Uhrzeit", "Nummer", "Sprache", "Land", "Ort", "Stadt", "Verfasser", "Autor"),
        *("Quelle", "Kennung", "Kundennummer", "Ticketnummer", "aktiv", "Geschlecht", "Alter"),
        *("heure", "langue", "pays", "ville", "auteur", "numéro", "actif", "sexe", "âge"),
        *("fecha", "hora", "idioma", "lengua", "país", "ciudad", "autor", "número", "activo"),
        *("日期", "时间", "時間", "语言", "語言", "国家", "國家", "城市", "作者", "编号", "編號", "序号", "性别"),
    ),
}
"""Words that say what kind of column a name stands for; their translations count too."""
BOOKKEEPING_ALONE = (
    *("name", "title", "user", "customer", "client", "agent", "Titel", "Benutzer", "Kunde", "Kundin", "Name"),
    *(
        "nom",
        "titre",
        "utilisateur",
        "client",
        "nombre",
        "título",
        "usuario",
        "cliente",
        "姓名",
        "用户",
        "客户",
        "标题",
    ),
)
"""Names that are bookkeeping unless another word stands beside them, as in “category name”."""
WHOSE = frozenset(("model", "email", "mail", "author", "annotator", "worker", "source", "page", "section", "paragraph"))
"""Bookkeeping words that, before an answer or a label, only say whose it is, as in “model_answer”."""
VAGUE = frozenset(("type", "kind", "tag", "class"))
"""Label words that leave such a name bookkeeping, as in “source_type”."""

TOGETHER: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("instruction",), ("context",), ("input",)),
    (("context", "passage"), ("question",)),
    (("subject",), ("body", "text", "message", "description", "content", "input")),
    (("title",), ("body", "text", "description", "content", "review")),
)
"""Columns that together form one text, in this order; the first and one more must be there."""

MIN_ENDING_CHARS = 5
"""Compounds count by their last part, as in “Kundenantwort”, if it is at least this long."""
_GAPS = re.compile(r"[^\w]+|_+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CJK = re.compile(r"[\u3400-\u9fff]")


@lru_cache(maxsize=10_000)
def folded(name: str) -> str:
    """A name without case, accents and punctuation: “Réponse de l'agent” → `reponse_de_l_agent`."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return _GAPS.sub("_", bare.casefold()).strip("_")


@cache
def _english() -> dict[str, str]:
    found = {folded(name): english for english, names in TRANSLATIONS.items() for name in names}
    return found | {english: english for english in TRANSLATIONS}


def english(name: str) -> str:
    """The English name of a column that any language names, folded; others are only folded."""
    own = folded(name)
    return _english().get(own, own)


@cache
def _words(role: str) -> frozenset[str]:
    names = _NAMES_OF[role]
    return frozenset(folded(word) for name in names for word in (name, *TRANSLATIONS.get(name, ())))


@cache
def _alone() -> frozenset[str]:
    return frozenset(map(folded, BOOKKEEPING_ALONE))


def is_flag(name: str) -> bool:
    """Whether a name asks yes or no of its row: “is_classification”, “isSpam”."""
    return folded(_CAMEL.sub("_", name)).startswith("is_")


def _telling(parts: list[str]) -> list[str]:
    """The words of a name without those that don't make it bookkeeping: “is_spam”, “model_answer”."""
    answers = _words("answer")
    if parts[0] == "is" and len(parts) > 1 and answers.isdisjoint(parts):
        parts = parts[1:]
    if parts[-1] in (answers | _words("label")) - VAGUE:
        parts = [part for part in parts if part not in WHOSE]
    return parts


@lru_cache(maxsize=10_000)
def stands_for(role: str, name: str) -> bool:
    """Whether a word of the name says that the column is of this kind: such as `answer` or `label`."""
    words, parts = _words(role), folded(_CAMEL.sub("_", name)).split("_")
    if role == "bookkeeping":
        parts = _telling(parts)
    if not words.isdisjoint((folded(name), *parts)):
        return True
    if role == "bookkeeping":
        return folded(name) in _alone()
    if _CJK.search(name):
        return any(len(word) > 1 and word in folded(name) for word in words if _CJK.search(word))
    return any(part.endswith(word) for part in parts for word in words if len(word) >= MIN_ENDING_CHARS)
