"""Proofs that money is neither lost nor counted twice: in any order, by several processes, killed, and with Stripe down."""
