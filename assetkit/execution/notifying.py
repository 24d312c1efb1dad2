"""Notifications to services that have a URL: mail, Slack, Teams and many others."""

from __future__ import annotations

from typing import Any

from assetkit.errors import MissingExtra, StorageError

try:
    import apprise as _apprise
except ImportError as missing:
    raise MissingExtra("apprise", extra="notify", purpose="A hook with a URL") from missing

apprise: Any = _apprise


def send(url: str, text: str) -> None:
    """Send *text* to the service at *url*.

    Raises:
        StorageError: the URL names no service, or the service did not take it. The URL
            itself may hold a password, and is not repeated.
    """
    kind = url.partition("://")[0]
    service = apprise.Apprise()
    if not service.add(url):
        raise StorageError(f"The notification URL {kind}://... names no known service.")
    if not service.notify(body=text, title="assetkit"):
        raise StorageError(f"The service at {kind}://... did not take the notification.")
