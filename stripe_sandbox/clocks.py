"""Test clocks. The sandbox has one clock for everything, which only moves forward; each test clock is a hand on it."""

from . import lifecycle
from .api import Call
from .errors import Refusal
from .events import emit
from .store import Transaction
from .wire import Json, new_id

KIND = "test_helpers.test_clock"
KEPT_SECONDS = 30 * 86_400
MOST_SECONDS = 5 * 366 * 86_400


def create(call: Call) -> Json:
    """A clock at a moment that has not passed; the sandbox moves there."""
    frozen = call.params.get("frozen_time")
    if frozen is None:
        raise Refusal("Missing required param: frozen_time.", code="parameter_missing", param="frozen_time")
    if frozen < call.now - 60:
        raise Refusal("The sandbox has one clock, which only moves forward.", param="frozen_time")
    clock: Json = {
        "id": new_id("clock_"),
        "object": KIND,
        "created": call.now,
        "deletes_after": call.now + KEPT_SECONDS,
        "frozen_time": frozen,
        "livemode": False,
        "name": call.params.get("name") or None,
        "status": "ready",
        "status_details": {},
    }
    call.tx.insert(KIND, clock)
    emit(call.tx, f"{KIND}.created", clock)
    _move(call.tx, clock, frozen)
    return clock


def advance(call: Call) -> Json:
    """Live through everything until that moment."""
    clock, target = call.load(KIND, "test_clock"), call.params.get("frozen_time")
    if target is None:
        raise Refusal("Missing required param: frozen_time.", code="parameter_missing", param="frozen_time")
    if target <= call.now:
        raise Refusal("A test clock only moves forward.", param="frozen_time")
    if target > call.now + MOST_SECONDS:
        raise Refusal("The sandbox's clock moves five years at the most in one go.", param="frozen_time")
    clock.update(status="advancing", status_details={"advancing": {"target_frozen_time": target}})
    emit(call.tx, f"{KIND}.advancing", call.tx.save(clock))
    _move(call.tx, clock, target)
    clock.update(status="ready", status_details={}, frozen_time=target)
    emit(call.tx, f"{KIND}.ready", call.tx.save(clock))
    return clock


def _move(tx: Transaction, clock: Json, target: int) -> None:
    ahead = max(0, target - tx.now)
    lifecycle.run_until(tx, target)
    tx.set_setting("clock_offset", str(int(tx.setting("clock_offset", "0")) + ahead))


def delete(call: Call) -> Json:
    clock = call.load(KIND, "test_clock")
    call.tx.mark_deleted(clock["id"])
    return {"id": clock["id"], "object": KIND, "deleted": True}
