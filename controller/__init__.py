"""The controller: plan a request, select an expert per step, execute the graph, compose the answer."""
