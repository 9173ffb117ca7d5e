"""How a line of the table of calls is written down: what answers it, and the package's type of its parameters."""

from .api import Call, Handler
from .wire import Json


def show(kind: str, name: str) -> Handler:
    def retrieve(call: Call) -> Json:
        return call.load(kind, name)

    return retrieve


def every(kind: str) -> Handler:
    def list_all(call: Call) -> Json:
        return call.page(kind)

    return list_all


def params(name: str, folder: str = "") -> str:
    """`customer_create` names the class CustomerCreateParams in its file."""
    camel = "".join(part.capitalize() for part in name.split("_"))
    return f"{folder}_{name}_params:{camel}Params"


def params_in(folder: str, name: str) -> str:
    return params(name, f"{folder}/")
