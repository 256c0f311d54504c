"""What every request and answer passes: connections, origins, and the codings of bodies."""
