"""Amazon Bedrock's Converse and ConverseStream, one form for all the models that it hosts."""

from service.backends.bedrock.dialect import BedrockDialect

__all__ = ["BedrockDialect"]
