"""Keys for users without a link, or whose pool is empty, over users whom they have to trust.

It knows pools and names of users, and neither topology nor photons.
"""
