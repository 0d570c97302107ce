"""PyQt6 lives here and nowhere else: the wall window and the operator desk."""
