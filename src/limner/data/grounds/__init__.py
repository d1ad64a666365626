"""Grounds drawn by code, in soft flat shapes: a beach, a night sky, a room, no two alike."""

from limner.data.grounds.canvas import Light
from limner.data.grounds.places import FLOORED, TAUGHT, DrawnGround, Place, draw_ground

__all__ = ["FLOORED", "TAUGHT", "DrawnGround", "Light", "Place", "draw_ground"]
