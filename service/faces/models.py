"""The models that a caller may name."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from grpc.aio import ServicerContext
from parley.chat.v1.model_service_pb2 import (
    GetModelRequest,
    ListModelDefinitionsRequest,
    ListModelDefinitionsResponse,
    ListModelsRequest,
    ListModelsResponse,
    Model,
    ModelDefinition,
)
from parley.chat.v1.model_service_pb2_grpc import ModelServiceServicer

from service.auth import Caller
from service.errors import ApiError, Kind, bounds
from service.faces.failure import Answering
from service.faces.metadata import admit
from service.faces.serving import Current, Serving

_ORDERS = ("asc", "desc")
_SORT_KEYS = ("model_name", "model_vendor")
_PAGE = 100
_LONGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class ModelFace(ModelServiceServicer):
    """Serves parley.chat.v1.ModelService."""

    current: Current
    started: int
    """When the worker started, in Unix seconds."""

    async def ListModels(  # noqa: N802  # the contract's name
        self, request: ListModelsRequest, context: ServicerContext[ListModelsRequest, Awaitable[ListModelsResponse]]
    ) -> ListModelsResponse:
        """Lists the models that the caller's key may use."""
        serving = self.current()
        async with Answering(context) as metadata:
            caller = admit(context, metadata, serving.keyring, face="grpc").caller
            return ListModelsResponse(object="list", data=[self._model(*each) for each in _names(serving, caller)])

    async def GetModel(  # noqa: N802  # the contract's name
        self, request: GetModelRequest, context: ServicerContext[GetModelRequest, Awaitable[Model]]
    ) -> Model:
        """Gets one model."""
        serving = self.current()
        async with Answering(context) as metadata:
            caller = admit(context, metadata, serving.keyring, face="grpc").caller
            try:
                route = serving.router.route(request.model, caller)
            except ApiError as error:
                if error.kind is not Kind.PERMISSION:
                    raise
                # Whether a model exists is no business of a key that may not use it.
                problem = f"model: no model {bounds.cut(request.model)!r} that this API key may use"
                raise ApiError(Kind.MODEL_NOT_FOUND, problem, param="model") from None
            return self._model(request.model, route.owner)

    async def ListModelDefinitions(  # noqa: N802  # the contract's name
        self,
        request: ListModelDefinitionsRequest,
        context: ServicerContext[ListModelDefinitionsRequest, Awaitable[ListModelDefinitionsResponse]],
    ) -> ListModelDefinitionsResponse:
        """Lists the models page by page."""
        serving = self.current()
        async with Answering(context) as metadata:
            caller = admit(context, metadata, serving.keyring, face="grpc").caller
            definitions = [_definition(*each) for each in _names(serving, caller)]
            page, more = _page(definitions, request)
            return ListModelDefinitionsResponse(object="list", items=page, has_more=more)

    def _model(self, name: str, owner: str) -> Model:
        return Model(id=name, object="model", created=self.started, owned_by=owner)


def _names(serving: Serving, caller: Caller) -> list[tuple[str, str]]:
    """The models that a key may use, each with whose it is."""
    router = serving.router
    return [(name, router.owner(name)) for name in router.names(caller)]


def _definition(name: str, owner: str) -> ModelDefinition:
    return ModelDefinition(
        model_name=name,
        model_type="chat_completion",
        model_vendor=owner,
        model_availability="available",
    )


def _page(
    definitions: Sequence[ModelDefinition], request: ListModelDefinitionsRequest
) -> tuple[Sequence[ModelDefinition], bool]:
    limit = request.limit if request.HasField("limit") else _PAGE
    if not 1 <= limit <= _LONGEST_PAGE:
        raise _invalid("limit", f"expected a number from 1 to {_LONGEST_PAGE}, got {limit}")
    if request.sort_by and request.sort_by not in _SORT_KEYS:
        raise _invalid("sort_by", f"expected {' or '.join(_SORT_KEYS)}, got {bounds.cut(request.sort_by)!r}")
    if request.sort_order and request.sort_order not in _ORDERS:
        raise _invalid("sort_order", f"expected {' or '.join(_ORDERS)}, got {bounds.cut(request.sort_order)!r}")
    if request.starting_after and request.ending_before:
        raise _invalid("ending_before", "cannot stand together with starting_after")
    if request.model_vendor:
        definitions = [each for each in definitions if each.model_vendor == request.model_vendor]
    first_key = request.sort_by or _SORT_KEYS[0]
    definitions = sorted(
        definitions,
        key=lambda each: (getattr(each, first_key), each.model_name),
        reverse=request.sort_order == "desc",
    )
    names = [each.model_name for each in definitions]
    for field in ("starting_after", "ending_before"):
        cursor = getattr(request, field)
        if cursor and cursor not in names:
            raise _invalid(field, f"no model {bounds.cut(cursor)!r} in this list")
    if request.ending_before:
        rest = definitions[: names.index(request.ending_before)]
        return rest[-limit:], len(rest) > limit
    rest = definitions[names.index(request.starting_after) + 1 :] if request.starting_after else definitions
    return rest[:limit], len(rest) > limit


def _invalid(path: str, problem: str) -> ApiError:
    return ApiError(Kind.INVALID_VALUE, f"{path}: {problem}", param=path)
