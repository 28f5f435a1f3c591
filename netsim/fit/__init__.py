"""Calibration: device numbers of a topology fitted to what a lab measured; draws no photon.

::

    measured -> subjects -> choice -> data -.
    places -> free_numbers -----------------+-> problem -> solve, degeneracy -> calibrate -> results
                                                        results -> tables, writing -> command
"""
