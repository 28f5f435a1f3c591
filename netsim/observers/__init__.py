"""Somebody on a fibre between the provider and a user, who sees photons before the user's losses.

An `netsim.observers.observer.Observer` takes the light of a frame where he sits and gives back what
goes on. Which kinds there are says `netsim.observers.kinds`; a topology places them.
"""
