"""Text frames: the four forms of JSON-RPC 2.0 and how they are read and written. No I/O.

docs/photoshop_protocol.md, section 2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from photoshop_bridge.errors import BridgeError, ProtocolViolation

MAX_TEXT_BYTES = 262_144
MAX_ID = 2**31 - 1

_CODES = {"unknown_method": -32601, "bad_request": -32602}
_OTHER = -32000

Json = dict[str, Any]
Params = TypeVar("Params", bound=BaseModel)


@dataclass(frozen=True)
class Request:
    id: int
    method: str
    params: Json


@dataclass(frozen=True)
class Response:
    """An answer: either `result` or `error` is set."""

    id: int
    result: Json | None
    error: BridgeError | None


@dataclass(frozen=True)
class Notification:
    method: str
    params: Json


Message = Request | Response | Notification


def parse_message(text: str) -> Message:
    """The message in a text frame. Raises ProtocolViolation."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolViolation("text that is not JSON") from error
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise ProtocolViolation("a message that is not JSON-RPC 2.0")
    number = value.get("id")
    if "id" in value and (type(number) is not int or not 0 <= number <= MAX_ID):
        raise ProtocolViolation("an id that is no int 0..2^31-1")
    if "method" in value:
        method, params = value["method"], value.get("params", {})
        if not isinstance(method, str) or not isinstance(params, dict):
            raise ProtocolViolation("a method or params of the wrong type")
        return Notification(method, params) if number is None else Request(number, method, params)
    result, error = value.get("result"), value.get("error")
    if number is None or isinstance(result, dict) == isinstance(error, dict):
        raise ProtocolViolation("a message that is neither request, response nor notification")
    if isinstance(result, dict):
        return Response(number, result, None)
    assert isinstance(error, dict)
    return Response(number, None, _error_of(error))


def request(number: int, method: str, params: Mapping[str, Any]) -> str:
    return _dump({"id": number, "method": method, "params": params})


def response(number: int, result: Mapping[str, Any]) -> str:
    return _dump({"id": number, "result": result})


def failure(number: int, error: BridgeError) -> str:
    data = {"kind": error.kind, "retryable": error.retryable, "advice": error.advice}
    code = _CODES.get(error.kind, _OTHER)
    return _dump({"id": number, "error": {"code": code, "message": error.message, "data": data}})


def notification(method: str, params: Mapping[str, Any]) -> str:
    return _dump({"method": method, "params": params})


def parse_params(kind: type[Params], params: Mapping[str, Any]) -> Params:
    """The params as a value. Raises BridgeError of kind bad_request that names the field."""
    try:
        return kind.model_validate(params)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "params"
        raise BridgeError("bad_request", f"{where}: {problem['msg']}.") from error


def _dump(message: Mapping[str, Any]) -> str:
    # non-ASCII is escaped: lone surrogates in a name must not make a frame that cannot be encoded
    return json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":"))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _error_of(error: Json) -> BridgeError:
    data = error.get("data")
    data = data if isinstance(data, dict) else {}
    message, kind, advice = error.get("message"), data.get("kind"), data.get("advice")
    return BridgeError(
        _text(kind, 40) or "host_error",
        _text(message, 500) or "The host gave no reason.",
        _text(advice, 500),
        retryable=data.get("retryable") is True,
    )


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str):
        return ""
    return value[:longest].encode("utf-8", "replace").decode("utf-8")
