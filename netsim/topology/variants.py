"""Names of protocol variants in a topology: those of the registries of `protocols.variants`.

A third party's are included. Which of them go together is in `netsim.topology.combinations`.
"""

from typing import Annotated

from netsim.topology.named import examples_of, known_in
from protocols.variants import KINDS

ProtocolName = Annotated[str, known_in(KINDS["protocol"]), examples_of(KINDS["protocol"])]
ReconciliationName = Annotated[
    str, known_in(KINDS["reconciliation"]), examples_of(KINDS["reconciliation"])
]
EstimationName = Annotated[str, known_in(KINDS["estimation"]), examples_of(KINDS["estimation"])]
AmplificationName = Annotated[
    str, known_in(KINDS["amplification"]), examples_of(KINDS["amplification"])
]
SecurityName = Annotated[str, known_in(KINDS["security"]), examples_of(KINDS["security"])]
AuthenticationName = Annotated[
    str, known_in(KINDS["authentication"]), examples_of(KINDS["authentication"])
]
MatchingName = Annotated[str, known_in(KINDS["matching"]), examples_of(KINDS["matching"])]
BasisName = Annotated[str, known_in(KINDS["basis"]), examples_of(KINDS["basis"])]
