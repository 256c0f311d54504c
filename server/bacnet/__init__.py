"""BACnet: the building's own network, read by a client that speaks for itself on bacpypes3's transport."""
