"""Oracles: small, slow, from first principles; nothing here imports the product.

Each module computes one thing in the plainest way there is (an integral, a sum over states, one
photon after the other). Its test holds it against published or printed figures first, then holds
the product against it.
"""
