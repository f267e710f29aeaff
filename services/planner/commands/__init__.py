"""
Commands of the planner, one module per subject: ``packs``, ``registers``, ``campaigns``, ``parts``, ``frames``.

Those with slow parts take something prepared; ``services.planner.prepared`` runs both halves.
"""
