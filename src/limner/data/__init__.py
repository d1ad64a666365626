"""Pictures with words: the data sets that Limner trains on and measures itself with."""
