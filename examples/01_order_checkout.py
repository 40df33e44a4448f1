"""A workflow that succeeds: an order is priced, paid and packed."""

import stepscope

PRICES = {"tea": 4.50, "cup": 9.00, "spoon": 3.25}


@stepscope.step
def price(items: dict[str, int]) -> float:
    return sum(PRICES[name] * count for name, count in items.items())


@stepscope.step(type="payment")
def charge(amount: float, card_token: str) -> dict[str, object]:
    return {"approved": True, "amount": amount, "receipt": f"R-{int(amount * 100)}"}


@stepscope.step
def pack(items: dict[str, int]) -> list[str]:
    return [name for name, count in sorted(items.items()) for _ in range(count)]


@stepscope.workflow(version="2.1", trigger="webhook", tags=["shop"], project="shop", user="ada")
def checkout(order_id: int, items: dict[str, int], card_token: str) -> dict[str, object]:
    total = price(items)
    receipt = charge(total, card_token)
    parcel = pack(items)
    stepscope.annotate(parcel_size=len(parcel))
    return {"order_id": order_id, "total": total, "receipt": receipt["receipt"]}


if __name__ == "__main__":
    stepscope.configure()
    done = checkout(1017, {"tea": 2, "cup": 1}, card_token="tok-4242")
    print(f"order {done['order_id']} is paid: {done['total']:.2f}, receipt {done['receipt']}")
