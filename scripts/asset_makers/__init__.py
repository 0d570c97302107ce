"""The makers of what lies in ``assets/``; ``scripts/make_assets.py`` calls them."""
