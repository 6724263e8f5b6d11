"""`make bench`: what the controller costs, measured beside its bounds on a private Ray cluster."""
