"""The only loop and the only clock: tap -> engine -> recorder, and the orders that are carried out on what the taps see."""
