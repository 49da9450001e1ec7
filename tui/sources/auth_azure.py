"""Sign-in through azure-identity, which is imported when the first token is needed: it takes half a second."""

from __future__ import annotations

import asyncio
import os
import re
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tui.model.text import clean
from tui.settings import AuthMethod, AuthSettings, TenantSettings
from tui.sources.auth import OnDeviceCode, Token
from tui.sources.errors import Denied, SourceError, Unreachable
from tui.sources.http_errors import without_secrets

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

T = TypeVar("T")
_ENTRA_CODE = re.compile(r"AADSTS\d{4,9}")
_WORDS = {
    "AADSTS7000215": "the client secret is wrong (it must be the secret's value, not its id)",
    "AADSTS7000222": "the client secret has expired: make a new one",
    "AADSTS700016": "there is no application with this client_id in the tenant",
    "AADSTS700027": "the certificate is not one of the application's",
    "AADSTS90002": "there is no tenant with this tenant_id in this cloud",
    "AADSTS50076": "multi-factor authentication is required: sign in again",
    "AADSTS50079": "multi-factor authentication must be set up first",
    "AADSTS53003": "a Conditional Access policy blocks the sign-in",
    "AADSTS65001": "nobody has consented to the application yet",
    "AADSTS70043": "the sign-in has expired: sign in again",
    "AADSTS700082": "the sign-in has expired: sign in again",
    "AADSTS500011": "the tenant does not know this service",
}
_NO_SIGN_IN = "no sign-in found: run `az login`, or choose a method in [tenant.auth]"


class AzureSignIn:
    """One tenant's credential. A refused token is replaced by starting over, but not where that asks the user again."""

    def __init__(self, tenant: TenantSettings, on_device_code: OnDeviceCode | None = None) -> None:
        self._tenant = tenant
        self._on_device_code = on_device_code
        self._credential: TokenCredential | None = None
        self._turn = asyncio.Lock()

    async def fetch(self, audience: str, refresh: bool) -> Token:
        """Raises `Denied` or `Unreachable`."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            if refresh and self._tenant.auth.method is not AuthMethod.DEVICE_CODE:
                self._credential = None
            return await in_daemon_thread(lambda: self._token(audience, loop))

    def _token(self, audience: str, loop: asyncio.AbstractEventLoop) -> Token:
        if self._credential is None:
            self._credential = credential_for(self._tenant, self._prompt(loop))
        return request_token(self._credential, self._tenant, audience)

    def _prompt(self, loop: asyncio.AbstractEventLoop) -> Callable[[str, str, datetime], None]:
        def prompt(url: str, code: str, expires: datetime) -> None:
            if self._on_device_code is not None:
                where = f"to sign in to {self._tenant.name}, open {clean(url, 200)} on any device"
                told = f"{where} and enter the code {clean(code, 40)} before {expires:%H:%M} UTC"
                loop.call_soon_threadsafe(self._on_device_code, told)

        return prompt


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """`work()` off the event loop, in a thread that does not keep the program from ending: a sign-in takes minutes."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except BaseException as caught:
            error = caught
        try:
            loop.call_soon_threadsafe(settle, value, error)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    threading.Thread(target=run, name="sign-in", daemon=True).start()
    return await outcome


def credential_for(tenant: TenantSettings, prompt: Callable[[str, str, datetime], None]) -> TokenCredential:
    """The azure-identity credential for `[tenant.auth]`. Raises `Denied` naming the key that is wrong or missing."""
    import azure.identity as identity

    auth = tenant.auth
    common: dict[str, Any] = {"authority": tenant.login_base}
    builders: dict[AuthMethod, Callable[[], Any]] = {
        AuthMethod.DEFAULT: lambda: identity.DefaultAzureCredential(
            exclude_interactive_browser_credential=True,
            additionally_allowed_tenants=["*"],
            **_client_id(auth, "managed_identity_client_id"),
            **common,
        ),
        AuthMethod.DEVICE_CODE: lambda: identity.DeviceCodeCredential(
            **_client_id(auth), tenant_id=tenant.tenant_id, prompt_callback=prompt, **common
        ),
        AuthMethod.CLIENT_SECRET: lambda: identity.ClientSecretCredential(
            tenant.tenant_id, _required_client_id(auth), client_secret(auth), **common
        ),
        AuthMethod.CERTIFICATE: lambda: identity.CertificateCredential(
            tenant.tenant_id, _required_client_id(auth), **_certificate(auth), **common
        ),
        AuthMethod.MANAGED_IDENTITY: lambda: identity.ManagedIdentityCredential(**_client_id(auth)),
    }
    try:
        credential: TokenCredential = builders[auth.method]()
    except (ValueError, TypeError, OSError):
        raise Denied(_unusable(auth)) from None
    return credential


def request_token(credential: TokenCredential, tenant: TenantSettings, audience: str) -> Token:
    """A token for `audience`; blocks. Raises `Denied` or `Unreachable` in plain words."""
    from azure.core.exceptions import AzureError, ClientAuthenticationError

    problem: SourceError
    try:
        given = credential.get_token(f"{audience.rstrip('/')}/.default", tenant_id=tenant.tenant_id)
        return Token(given.token, datetime.fromtimestamp(given.expires_on, UTC))
    except ClientAuthenticationError as error:
        problem = refusal(str(error), tenant.auth.method)
    except AzureError:
        problem = Unreachable(
            f"no connection to the sign-in service {tenant.login_base}: check the network and the proxy"
        )
    except (ValueError, TypeError, OSError, OverflowError) as error:
        problem = Denied(f"the sign-in failed ({type(error).__name__}): check [tenant.auth]")
    raise problem


def refusal(said: str, method: AuthMethod) -> Denied:
    """`Denied` in plain words for what azure-identity said, which runs over many lines."""
    match = _ENTRA_CODE.search(said)
    code = match.group(0) if match else ""
    if code in _WORDS:
        return Denied(f"the sign-in was refused: {_WORDS[code]} ({code})", code=code)
    if method is AuthMethod.DEFAULT and not code:
        return Denied(_NO_SIGN_IN)
    first_line = said.strip().partition("\n")[0]
    return Denied(f"the sign-in was refused: {clean(without_secrets(first_line), 200)}", code=code)


def client_secret(auth: AuthSettings) -> str:
    """The secret from the environment or from a file that only its owner may read. Raises `Denied`."""
    if auth.client_secret_env:
        return from_environment(auth.client_secret_env, "the client secret")
    if auth.client_secret_file:
        return secret_file(auth.client_secret_file, "client_secret_file").strip()
    raise Denied('auth.method "client-secret" needs client_secret_env or client_secret_file')


def from_environment(name: str, what: str) -> str:
    """The variable's value. Raises `Denied` where it is not set."""
    value = os.environ.get(name, "")
    if not value:
        raise Denied(f"the environment variable {clean(name, 80)}, which must hold {what}, is not set")
    return value


def secret_file(path: Path, key: str) -> str:
    """The text of a secret's file. Raises `Denied` where others may read it too, or nobody can."""
    check_mode(path, key)
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError):
        raise Denied(f"{key} {path} cannot be read") from None


def check_mode(path: Path, key: str) -> None:
    """Raises `Denied` unless `path` is a file that only its owner may use."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise Denied(f"{key} {path} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise Denied(f"{key} {path} is not a file")
    if mode & 0o077:
        raise Denied(f"{key} {path} may be read by others (mode {mode & 0o777:04o}): run `chmod 600 {path}`")


def _certificate(auth: AuthSettings) -> dict[str, str]:
    if auth.certificate_file is None:
        raise Denied('auth.method "certificate" needs certificate_file')
    check_mode(auth.certificate_file, "certificate_file")
    found = {"certificate_path": str(auth.certificate_file)}
    if auth.certificate_password_env:
        found["password"] = from_environment(auth.certificate_password_env, "the certificate's password")
    return found


def _client_id(auth: AuthSettings, key: str = "client_id") -> dict[str, Any]:
    return {key: auth.client_id} if auth.client_id else {}


def _required_client_id(auth: AuthSettings) -> str:
    if not auth.client_id:
        raise Denied(f'auth.method "{auth.method}" needs client_id')
    return auth.client_id


def _unusable(auth: AuthSettings) -> str:
    if auth.method is AuthMethod.CERTIFICATE:
        return f"certificate_file {auth.certificate_file} cannot be used: it must be PEM or PKCS12 with its private key"
    return f'auth.method "{auth.method}" cannot be used as configured: check tenant_id and client_id'
