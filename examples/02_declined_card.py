"""A workflow that fails: the bank declines a card, three calls deep."""

import stepscope


class CardDeclinedError(Exception):
    """The bank said no."""


def ask_bank(card: str, amount: float) -> str:
    if card.endswith("0002"):
        raise CardDeclinedError(f"the bank declined {amount:.2f} on the card ending in {card[-4:]}")
    return "approved"


def authorise(card: str, amount: float) -> str:
    return ask_bank(card, amount)


@stepscope.step(type="payment")
def charge(card: str, amount: float) -> str:
    return authorise(card, amount)


@stepscope.step
def reserve(sku: str) -> dict[str, str]:
    return {"sku": sku, "shelf": "B7"}


@stepscope.workflow(version="2.1", trigger="api", project="shop", user="grace")
def checkout(order_id: int, sku: str, card: str) -> str:
    reserve(sku)
    return charge(card, 42.0)


if __name__ == "__main__":
    stepscope.configure()
    try:
        checkout(1018, "tea-pot", "demo-card-0002")
    except CardDeclinedError as error:
        print(f"order 1018 failed as planned: {error}")
