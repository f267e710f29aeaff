"""Properties that hold for whatever instance comes along, held against oracles that share no code with the product."""
