"""Virtual keys without a database: the proxy asks `check` who holds a key."""

from __future__ import annotations

from fastapi import HTTPException, Request
from litellm.proxy._types import UserAPIKeyAuth
from people import PEOPLE

_BY_KEY = {person.key: person for person in PEOPLE}


async def check(request: Request, api_key: str) -> UserAPIKeyAuth:
    """The user and team of a key; the proxy writes them into every log record."""
    person = _BY_KEY.get(api_key)
    if person is None:
        raise HTTPException(status_code=401, detail="unknown key")
    return UserAPIKeyAuth(api_key=api_key, user_id=person.user_id, team_id=person.team_id)
