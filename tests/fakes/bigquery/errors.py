"""Errors as the REST reference words them: an HTTP status, a reason, a message."""

from __future__ import annotations

from typing import Any

_STATUS = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS"}


class ApiError(Exception):
    """An answer that is an error, or the `errorResult` of a job."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message

    @property
    def proto(self) -> dict[str, str]:
        """An ErrorProto, as `status.errorResult` of a job has it."""
        return {"reason": self.reason, "message": self.message}

    def body(self) -> dict[str, Any]:
        errors = [{"message": self.message, "domain": "global", "reason": self.reason}]
        status = _STATUS.get(self.code, "INTERNAL")
        return {"error": {"code": self.code, "message": self.message, "errors": errors, "status": status}}


def invalid(message: str) -> ApiError:
    return ApiError(400, "invalid", message)


def invalid_query(message: str) -> ApiError:
    return ApiError(400, "invalidQuery", message)


def not_found(kind: str, name: str) -> ApiError:
    return ApiError(404, "notFound", f"Not found: {kind} {name}")


def duplicate(kind: str, name: str) -> ApiError:
    return ApiError(409, "duplicate", f"Already Exists: {kind} {name}")
