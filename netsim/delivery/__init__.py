"""Keys out of the pools, to applications: key managers, and the ETSI GS QKD 014 server before them.

A manager is one user's. Two that share a link agree in two steps on each key, see
`netsim.delivery.manager`. Key bytes are in the managers' files and in answers, nowhere else.
"""
