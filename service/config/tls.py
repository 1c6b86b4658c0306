"""Which certificates parley.yaml names for connections to vendors."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from service.config.strict import STRICT


class Tls(BaseModel):
    """Certificates for connections to a vendor, in PEM files, which are read again when they change."""

    model_config = STRICT

    ca: Annotated[Path | None, Field(description="The authorities to trust, in place of the system's.")] = None
    cert: Annotated[
        Path | None,
        Field(description="The certificate that the service shows, and those that lead to its authority."),
    ] = None
    key: Annotated[Path | None, Field(description="The certificate's key. Default: it is in the file of `cert`.")] = (
        None
    )

    @model_validator(mode="after")
    def _whole(self) -> "Tls":
        if self.key is not None and self.cert is None:
            raise ValueError("key: needs cert, the certificate that it is the key of")
        if self.ca is None and self.cert is None:
            raise ValueError("expected ca, or cert and key, such as {ca: authority.pem}")
        return self
