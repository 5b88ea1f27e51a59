"""The tools that the corpus offers, each with requests that call for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.lists import values

_ARGUMENTS: Mapping[str, tuple[str, Callable[[Draw], str | int]]] = {
    "city": ("string", lambda draw: draw.novel("city")),
    "origin": ("string", lambda draw: draw.novel("city")),
    "person": ("string", lambda draw: draw.novel("person")),
    "product": ("string", lambda draw: draw.novel("product")),
    "company": ("string", lambda draw: draw.novel("company")),
    "title": ("string", lambda draw: f"{draw.name()} {draw.name()}"),
    "query": ("string", lambda draw: " ".join(draw.word() for _ in range(draw.whole(1, 3)))),
    "text": ("string", lambda draw: " ".join(draw.word() for _ in range(draw.whole(2, 4)))),
    "language": ("string", lambda draw: draw.choice(values("language"))),
    "day": ("string", lambda draw: draw.choice(values("day"))),
    "room": ("string", lambda draw: draw.choice(("kitchen", "bedroom", "office", "hall", "garden", "cellar"))),
    "color": ("string", lambda draw: draw.choice(values("color"))),
    "minutes": ("integer", lambda draw: draw.whole(1, 90)),
    "amount": ("integer", lambda draw: draw.whole(2, 60)),
    "people": ("integer", lambda draw: draw.whole(2, 12)),
    "a": ("integer", lambda draw: draw.whole(1, 999)),
    "b": ("integer", lambda draw: draw.whole(1, 999)),
    "degrees": ("integer", lambda draw: draw.whole(10, 30)),
}
"""Argument → its JSON type and how one is drawn."""


@dataclass(frozen=True)
class Tool:
    """A tool, and requests with its arguments in braces."""

    name: str
    description: str
    arguments: tuple[str, ...]
    requests: Phrases

    def schema(self) -> dict[str, Any]:
        """The function as chat templates take it."""
        properties = {name: {"type": _ARGUMENTS[name][0]} for name in self.arguments}
        parameters = {"type": "object", "properties": properties, "required": list(self.arguments)}
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": parameters},
        }

    def request(self, draw: Draw) -> tuple[str, dict[str, str | int]]:
        """A request for this tool, and the arguments that it names."""
        arguments: dict[str, str | int] = {}

        def worded() -> str:
            arguments.update({name: _ARGUMENTS[name][1](draw) for name in self.arguments})
            return draw.phrase(self.requests).format(**arguments)

        return draw.apart(worded), arguments


def _tool(name: str, description: str, arguments: str, known: tuple[str, ...], held_out: tuple[str, ...]) -> Tool:
    return Tool(name, description, tuple(arguments.split()), Phrases(known, held_out))


TOOLS = (
    _tool(
        "get_weather",
        "The weather in a city.",
        "city",
        ("What is the weather in {city}?", "Is it raining in {city}?", "Tell me the weather for {city}."),
        ("Do I need an umbrella in {city}?",),
    ),
    _tool(
        "add_numbers",
        "The sum of two numbers.",
        "a b",
        ("Add {a} and {b}.", "Use the tool to add {a} and {b}.", "Please sum {a} and {b}."),
        ("I have to put {a} and {b} together, what comes out?",),
    ),
    _tool(
        "search_web",
        "Pages of the web about something.",
        "query",
        ("Search for {query}.", "Look up {query} on the web.", "Find pages about {query}."),
        ("See what the internet has on {query}.",),
    ),
    _tool(
        "set_timer",
        "Rings after some minutes.",
        "minutes",
        ("Set a timer for {minutes} minutes.", "Wake me in {minutes} minutes.", "Start a timer of {minutes} minutes."),
        ("Ring the bell when {minutes} minutes are over.",),
    ),
    _tool(
        "send_message",
        "Sends a text to a person.",
        "person text",
        ("Send {person} the message: {text}", "Write to {person}: {text}", "Tell {person} this: {text}"),
        ("Let {person} know the following: {text}",),
    ),
    _tool(
        "translate",
        "A text in another language.",
        "text language",
        ("Translate {text} to {language}.", "How do you say {text} in {language}?", "Put {text} into {language}."),
        ("What would {text} be in {language}?",),
    ),
    _tool(
        "play_song",
        "Plays a song.",
        "title",
        ("Play the song {title}.", "I want to hear {title}.", "Put on {title}, please."),
        ("Let me listen to {title}.",),
    ),
    _tool(
        "get_price",
        "The price of a product.",
        "product",
        ("Check the price of the {product}.", "Find the current price of the {product}.", "Price of the {product}?"),
        ("See how expensive the {product} is today.",),
    ),
    _tool(
        "book_table",
        "Books a table in a restaurant.",
        "city people",
        (
            "Book a table for {people} people in {city}.",
            "Reserve a table in {city} for {people}.",
            "We want to eat in {city}, {people} people.",
        ),
        ("Find us {people} seats for dinner in {city}.",),
    ),
    _tool(
        "find_train",
        "The next train between two cities.",
        "origin city",
        (
            "Find a train from {origin} to {city}.",
            "When is the next train from {origin} to {city}?",
            "I travel from {origin} to {city} by train.",
        ),
        ("How do I get to {city} by rail if I start in {origin}?",),
    ),
    _tool(
        "call_person",
        "Calls a person.",
        "person",
        ("Call {person}.", "Phone {person}, please.", "I want to talk to {person}."),
        ("Get {person} on the line.",),
    ),
    _tool(
        "set_light",
        "Sets the color of the light in a room.",
        "room color",
        (
            "Make the light in the {room} {color}.",
            "Set the {room} light to {color}.",
            "Turn on {color} light in the {room}.",
        ),
        ("I would like the lamps of the {room} to be {color}.",),
    ),
    _tool(
        "set_heating",
        "Sets the temperature of a room.",
        "room degrees",
        (
            "Set the {room} to {degrees} degrees.",
            "Heat the {room} to {degrees} degrees.",
            "I want {degrees} degrees in the {room}.",
        ),
        ("The {room} should be at {degrees} degrees, please.",),
    ),
    _tool(
        "order_product",
        "Orders some pieces of a product.",
        "product amount",
        (
            "Order {amount} of the {product}.",
            "Buy {amount} pieces of the {product}.",
            "I need {amount} of the {product}.",
        ),
        ("Have {amount} of the {product} sent to me.",),
    ),
    _tool(
        "add_event",
        "Puts something into the calendar.",
        "title day",
        (
            "Put {title} into my calendar for {day}.",
            "Add {title} to my plans on {day}.",
            "Remind me of {title} on {day}.",
        ),
        ("Keep {day} free for {title}.",),
    ),
    _tool(
        "company_news",
        "What is new about a company.",
        "company",
        ("What is the news about {company}?", "Show me news on {company}.", "Any news from {company}?"),
        ("What has been happening at {company}?",),
    ),
)
