"""An agent at `mendd mcp`, through the protocol package's own client."""

import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client

PATIENCE_S = 120.0


@dataclass
class Agent:
    """One session; what the server told meanwhile is in `progress`."""

    session: ClientSession
    progress: list[str] = field(default_factory=list)

    async def tools(self) -> dict[str, types.Tool]:
        """The tools there are, by name."""
        return {tool.name: tool for tool in (await self.session.list_tools()).tools}

    async def call(self, name: str, **arguments: Any) -> Any:
        """The JSON answer of one call."""
        text, wrong = await self.said(name, arguments)
        assert not wrong, text
        return json.loads(text)

    async def refusal(self, name: str, /, **arguments: Any) -> str:
        """The words of a call that is refused."""
        text, wrong = await self.said(name, arguments)
        assert wrong, text
        return text

    async def said(self, name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
        """The text of an answer, and whether it is an error."""
        answer = await self.session.call_tool(
            name, arguments, read_timeout_seconds=timedelta(seconds=PATIENCE_S),
            progress_callback=self._heard,
        )  # fmt: skip
        (content,) = answer.content
        assert isinstance(content, types.TextContent)
        return content.text, bool(answer.isError)

    async def _heard(self, progress: float, total: float | None, message: str | None) -> None:
        self.progress.append(message or "")


def server(config: Path, *flags: str) -> StdioServerParameters:
    """How a client starts mendd, in a folder that is none of ours; plug-ins lie in `plug-ins/`."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), str(config.parent / "plug-ins")])
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "daemon.cli", "--config", str(config), "mcp", *flags],
        env={**os.environ, "PYTHONPATH": path},
        cwd=str(config.parent),
    )


@asynccontextmanager
async def agent(config: Path, *flags: str) -> AsyncIterator[Agent]:
    """A session of one agent; what the server logs goes into `mcp.log` beside the config."""
    with (config.parent / "mcp.log").open("a") as log:
        parameters = server(config, *flags)
        async with (
            stdio_client(parameters, errlog=log) as (read, write),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            yield Agent(session)


def as_agent(config: Path, work: Callable[[Agent], Awaitable[Any]], *flags: str) -> Any:
    """Let one agent work, from start to end."""

    async def session() -> Any:
        async with agent(config, *flags) as one:
            return await work(one)

    return plainly(session)


def plainly(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run it; what went wrong is raised by itself, not in the groups of groups it comes in."""
    try:
        return anyio.run(work)
    except BaseExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
