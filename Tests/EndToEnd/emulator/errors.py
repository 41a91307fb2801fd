"""The error that an operation answers with."""


class ServiceError(Exception):
    """An AWS JSON 1.1 error: ``code`` goes into ``__type``, ``status`` is 400 for everything that the caller or the rate did wrong."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
