"""Pictures of graphs, and of the two passes over them."""
