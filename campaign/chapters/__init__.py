"""The chapters of the campaign: each takes an empty stage, makes trouble and lets it settle."""
