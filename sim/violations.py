"""Matched pairs of possible and impossible clips: one law of everyday physics is broken, nothing else differs.

Pairs come in twos, as in IntPhys (arXiv 1803.07616): two possible clips, and the two impossible ones that begin like
the one and end like the other. Over both pairs every picture, and every amount of motion, belongs to possible and to
impossible clips alike, so that neither tells which is which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from robot_wm.errors import RobotWmError
from sim.randomization import Rgb
from sim.theatre import FRAME_HZ, FRAMES, Act, Curtain, Prop, Theatre, Vector

COLOURS: tuple[Rgb, ...] = (
    (0.85, 0.16, 0.12),
    (0.10, 0.55, 0.20),
    (0.12, 0.25, 0.80),
    (0.92, 0.78, 0.10),
    (0.60, 0.15, 0.65),
    (0.95, 0.95, 0.95),
)
SHAPES = ("box", "sphere", "cylinder")
MASS_KG = 0.2
WALL_COLOUR: Rgb = (0.30, 0.22, 0.16)
TRIES = 50


@dataclass(frozen=True)
class Quadruple:
    """Two possible acts and their two violations.

    Attributes:
        possible: The acts.
        cut: Frame at which the impossible clips change from one possible clip to the other, or None.
        impossible: The impossible acts where they are not made by such a cut.
    """

    possible: tuple[Act, Act]
    cut: int | None = None
    impossible: tuple[Act, Act] | None = None


@dataclass(frozen=True)
class Pair:
    """A possible and an impossible clip, uint8 (FRAMES, H, W, 3) each, that are equal before frame `violated`."""

    category: str
    possible: np.ndarray
    impossible: np.ndarray
    violated: int


def permanence(rng: np.random.Generator) -> Quadruple:
    """A thing vanishes behind the curtain, or one appears that was not there."""
    look, curtain = _look(rng), _curtain(rng)
    thing = _thing(rng, (rng.uniform(-0.13, 0.13), _depth(rng)))
    return Quadruple((Act((thing,), look, curtain), Act((), look, curtain)), _covered(curtain))


def continuity(rng: np.random.Generator) -> Quadruple:
    """A thing that rests is at another place when the curtain rises."""
    look, curtain = _look(rng), _curtain(rng)
    left, right = rng.uniform(-0.15, -0.07), rng.uniform(0.07, 0.15)
    thing, depth = _thing(rng, (left, 0.0)), _depth(rng)
    acts = [Act((replace(thing, position=(side, depth, thing.half[2])),), look, curtain) for side in (left, right)]
    return Quadruple((acts[0], acts[1]), _covered(curtain))


def colour(rng: np.random.Generator) -> Quadruple:
    """A thing has another colour when the curtain rises."""
    look, curtain = _look(rng), _curtain(rng)
    thing = _thing(rng, (rng.uniform(-0.13, 0.13), _depth(rng)))
    first, second = (COLOURS[index] for index in rng.permutation(len(COLOURS))[:2])
    acts = [Act((replace(thing, colour=shade),), look, curtain) for shade in (first, second)]
    return Quadruple((acts[0], acts[1]), _covered(curtain))


def shape(rng: np.random.Generator) -> Quadruple:
    """A thing has another shape when the curtain rises."""
    look, curtain = _look(rng), _curtain(rng)
    thing = _thing(rng, (rng.uniform(-0.13, 0.13), _depth(rng)))
    first, second = (SHAPES[index] for index in rng.permutation(len(SHAPES))[:2])
    acts = [Act((replace(thing, shape=form),), look, curtain) for form in (first, second)]  # type: ignore[arg-type]
    return Quadruple((acts[0], acts[1]), _covered(curtain))


def solidity(rng: np.random.Generator) -> Quadruple:
    """A thing slides against a wall behind the curtain and comes out on the other side of it."""
    look, curtain = _look(rng), _curtain(rng)
    thing, wall = _thing(rng, (0.0, _depth(rng))), _wall(rng)
    speed, hit = rng.uniform(0.5, 0.75), _covered(curtain) - rng.uniform(0.0, 1.5)
    start = thing.half[0] + wall.half[0] + speed * hit / FRAME_HZ
    acts = [Act((_sliding(thing, side * start, -side * speed), wall), look, curtain) for side in (-1, 1)]
    return Quadruple((acts[0], acts[1]), _covered(curtain))


def _passages(rng: np.random.Generator) -> Quadruple:
    """Things slide behind the curtain and out on the other side, as there is no wall; always possible."""
    scene = solidity(rng)
    first, second = (replace(act, props=act.props[:1]) for act in scene.possible)
    return replace(scene, possible=(first, second))


def gravity(rng: np.random.Generator) -> Quadruple:
    """A falling thing goes through the shelf below it, or stops in the air beside the shelf."""
    look, side = _look(rng), float(rng.choice([-1.0, 1.0]))
    place, depth, height = -side * rng.uniform(0.04, 0.10), rng.uniform(-0.02, 0.04), rng.uniform(0.13, 0.18)
    thing = _thing(rng, (place, depth))
    thing = replace(thing, position=(place, depth, rng.uniform(0.55, 0.70)))
    under, beside = (_shelf(lateral, depth, height) for lateral in (place, place + side * rng.uniform(0.17, 0.22)))
    ghost = replace(under[0], visible=False)
    porous = tuple(replace(part, solid=False) for part in under)
    return Quadruple(
        (Act((thing, *under), look), Act((thing, *beside), look)),
        impossible=(Act((thing, *porous), look), Act((thing, *beside, ghost), look)),
    )


def inertia(rng: np.random.Generator) -> Quadruple:
    """A thing that slides freely turns without a cause."""
    look, cut = _look(rng), int(rng.integers(8, 11))
    thing = _thing(rng, (0.0, 0.0))
    centre = np.array([rng.uniform(-0.05, 0.05), rng.uniform(-0.03, 0.05)])
    speed, first = rng.uniform(0.5, 0.75), rng.uniform(-np.pi, np.pi)
    second = first + rng.choice([-1.0, 1.0]) * rng.uniform(np.pi / 3, np.pi)
    acts = []
    for angle in (first, second):
        velocity = speed * np.array([np.cos(angle), np.sin(angle)])
        (across, deep), size = centre - velocity * cut / FRAME_HZ, thing.half[2]
        moving = replace(
            thing,
            position=(float(across), float(deep), size),
            velocity=(float(velocity[0]), float(velocity[1]), 0.0),
        )
        acts.append(Act((moving,), look))
    return Quadruple((acts[0], acts[1]), cut)


CATEGORIES: dict[str, Callable[[np.random.Generator], Quadruple]] = {
    "object permanence": permanence,
    "continuity": continuity,
    "solidity": solidity,
    "gravity and support": gravity,
    "shape constancy": shape,
    "colour constancy": colour,
    "inertia": inertia,
}


def possible_clips(count: int, seed: int, theatre: Theatre) -> Iterator[np.ndarray]:
    """Films `count` clips in which everything is possible, uint8 (FRAMES, H, W, 3) each.

    All kinds are alike, but there are three times as many falls and twice as many slides in the open: motion takes more
    examples to learn than rest does.
    """
    makers = [*CATEGORIES.values(), _passages, gravity, inertia, gravity]
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        yield theatre.film(makers[number % len(makers)](rng).possible[int(rng.integers(2))])


def matched_pairs(category: str, count: int, seed: int, theatre: Theatre) -> Iterator[Pair]:
    """Films `count` pairs of a category, two from each scene; the same seed gives the same bits."""
    for number in range(-(-count // 2)):
        rng = np.random.default_rng([seed, *category.encode(), number])
        pairs = _pairs(category, rng, theatre)
        yield from pairs[: count - 2 * number]


def _pairs(category: str, rng: np.random.Generator, theatre: Theatre) -> tuple[Pair, Pair]:
    for _ in range(TRIES):
        quadruple = CATEGORIES[category](rng)
        first, second = (theatre.film(act) for act in quadruple.possible)
        if quadruple.impossible is not None:
            broken = [theatre.film(act) for act in quadruple.impossible]
            return _pair(category, first, broken[0]), _pair(category, second, broken[1])
        cut = quadruple.cut
        covered = quadruple.possible[0].curtain is not None
        if cut is not None and (not covered or np.array_equal(first[cut], second[cut])):
            broken = [np.concatenate([one[:cut], other[cut:]]) for one, other in ((first, second), (second, first))]
            return _pair(category, first, broken[0]), _pair(category, second, broken[1])
    raise RobotWmError(f"{category}: in {TRIES} scenes the curtain did not hide what changes; look at sim/theatre.py")


def _pair(category: str, possible: np.ndarray, impossible: np.ndarray) -> Pair:
    differs = np.flatnonzero((possible != impossible).any(axis=(1, 2, 3)))
    return Pair(category, possible, impossible, int(differs[0]) if len(differs) else FRAMES)


def _look(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _depth(rng: np.random.Generator) -> float:
    return float(rng.uniform(-0.02, 0.05))


def _curtain(rng: np.random.Generator) -> Curtain:
    grey = float(rng.uniform(0.3, 0.6))
    return Curtain(int(rng.integers(3, 6)), int(rng.integers(3, 6)), (grey, grey, grey + 0.05))


def _covered(curtain: Curtain) -> int:
    """A frame in which the curtain is down, as it is in the frame before."""
    return curtain.falls + 3


def _thing(rng: np.random.Generator, place: tuple[float, float]) -> Prop:
    """A thing that rests on the table at (lateral, depth)."""
    size = float(rng.uniform(0.038, 0.048))
    form = SHAPES[int(rng.integers(len(SHAPES)))]
    shade = COLOURS[int(rng.integers(len(COLOURS)))]
    position: Vector = (float(place[0]), float(place[1]), size)
    return Prop(form, (size, size, size), shade, position, mass=MASS_KG)  # type: ignore[arg-type]


def _sliding(thing: Prop, lateral: float, speed: float) -> Prop:
    return replace(thing, position=(lateral, *thing.position[1:]), velocity=(speed, 0.0, 0.0))


def _wall(rng: np.random.Generator) -> Prop:
    height = float(rng.uniform(0.08, 0.11))
    return Prop("box", (0.02, 0.09, height), WALL_COLOUR, (0.0, 0.02, height))


def _shelf(lateral: float, depth: float, height: float) -> tuple[Prop, ...]:
    """A plate on a post behind it, top at `height`."""
    plate = Prop("box", (0.07, 0.06, 0.006), WALL_COLOUR, (lateral, depth, height - 0.006), bounce=0.0)
    post = Prop("box", (0.012, 0.008, height / 2), WALL_COLOUR, (lateral, depth + 0.068, height / 2))
    return plate, post
