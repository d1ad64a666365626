"""Grammar: scenes to captions, sentences to scenes, scenes to layouts; strings and numbers alone.

What there is in a world, and what it is called, is an argument (`Vocabulary`).
"""

from limner.language.captions import canonical, write
from limner.language.scene import Ground, Relation, Scene, Size, Thing
from limner.language.vocabulary import Vocabulary

__all__ = ["Ground", "Relation", "Scene", "Size", "Thing", "Vocabulary", "canonical", "write"]
