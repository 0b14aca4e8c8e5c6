"""A stand-in for Amazon Bedrock's Converse API on loopback: the other side of the wire, so it imports no handler code.

It is not a model. It refuses what Bedrock refuses, answers from what it really receives, and fails on demand.
"""

from workbench.sandbox.bedrock.faults import Fault
from workbench.sandbox.bedrock.request_log import Received
from workbench.sandbox.bedrock.server import BedrockStandIn

__all__ = ["BedrockStandIn", "Fault", "Received"]
