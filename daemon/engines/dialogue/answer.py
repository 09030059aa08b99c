"""What came back from the model, checked before anything believes it.

The SDK does not check: a proxy's HTML with status 200 comes out as a `str`, a wrong shape as a
`Message` of Nones, an unknown block as text (libraries.md, section 2). The decoded body is checked
here instead, and its blocks stay the very JSON that arrived, so thinking goes back unchanged.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

Block = dict[str, Any]


class Usage(BaseModel):
    """Tokens of one call. The whole input is `input_tokens` and both cache counters together."""

    model_config = ConfigDict(extra="ignore")

    input_tokens: int = Field(0, ge=0)
    output_tokens: int = Field(0, ge=0)
    cache_read_input_tokens: int = Field(0, ge=0)
    cache_creation_input_tokens: int = Field(0, ge=0)

    @field_validator("*", mode="before")
    @classmethod
    def _null_is_none_used(cls, value: Any) -> Any:
        return 0 if value is None else value

    @property
    def whole_input(self) -> int:
        """Every token that went in, cached or not."""
        counted = self.input_tokens + self.cache_read_input_tokens
        return counted + self.cache_creation_input_tokens


class Answer(BaseModel):
    """One message of the model; `content` holds its blocks as they arrived."""

    model_config = ConfigDict(extra="ignore")

    content: list[Block]
    stop_reason: str | None = None
    stop_details: dict[str, Any] | None = None
    usage: Usage | None = None  # None: the server counts no tokens

    @field_validator("content")
    @classmethod
    def _blocks_have_what_is_read(cls, blocks: list[Block]) -> list[Block]:
        for block in blocks:
            wanted = {"tool_use": ("id", "name"), "text": ("text",)}.get(str(block.get("type")), ())
            for name in ("type", *wanted):
                if not isinstance(block.get(name), str):
                    raise ValueError(f"a block has no {name}")
        return blocks

    @property
    def text(self) -> str:
        """What it said in plain words, thinking left out."""
        said = (block["text"] for block in self.content if block["type"] == "text")
        return "\n\n".join(said).strip()

    @property
    def calls(self) -> list[Block]:
        """Its tool calls, in order."""
        return [block for block in self.content if block["type"] == "tool_use"]
