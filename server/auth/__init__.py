"""Who may do what: tokens with roles, and the gate in front of every route."""
