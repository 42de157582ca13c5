"""Simple English sentences: lower case, no punctuation, no two words that sound alike."""

import random

from asr.recipes.templates import fill_template, items

PEOPLE = items(
    """
    the teacher, the doctor, the farmer, the driver, the painter, the singer, the baker,
    the captain, the nurse, the student, the lawyer, the manager, the waiter, the gardener,
    the tourist, the carpenter, the engineer, my brother, my sister, my mother, my uncle,
    my cousin, my grandfather, our neighbor, our guest, his daughter, her husband,
    the young woman, the old man, a stranger, the little girl, the tall boy, anna, peter, maria,
    david, laura, simon, julia, thomas, emma, robert, susan, victor
    """
)

THINGS = items(
    """
    basket, bottle, box, blanket, bag, bicycle, book, bucket, button, camera, candle, carpet,
    chair, clock, coat, cup, curtain, desk, dish, door, drawer, drum, envelope, fence, flag, fork,
    guitar, hammer, hat, helmet, jacket, key, kettle, ladder, lamp, letter, magazine, map, mirror,
    necklace, newspaper, notebook, package, pencil, piano, picture, pillow, plate, pocket, radio,
    ring, rope, scarf, shirt, shoe, shovel, sofa, spoon, stamp, suitcase, table, telephone,
    ticket, towel, toy, umbrella, wallet, watch, wheel, whistle, window
    """
)

ADJECTIVES = items(
    """
    small, large, heavy, light, old, broken, dirty, clean, yellow, green, black, white, purple,
    orange, round, square, wooden, golden, silver, cheap, expensive, beautiful, empty, strange,
    soft, wet, dusty, modern, simple, useful, ugly, narrow, wide, warm, cold, bright, dark
    """
)

ACTIONS = items(
    """
    carry:carried, find:found, drop:dropped, wash:washed, paint:painted, sell:sold,
    borrow:borrowed, clean:cleaned, repair:repaired, open:opened, close:closed, move:moved,
    hide:hid, bring:brought, take:took, lose:lost, choose:chose, draw:drew, break:broke,
    leave:left, keep:kept, push:pushed, pull:pulled, lift:lifted, touch:touched, forget:forgot,
    remember:remembered, photograph:photographed, measure:measured, examine:examined,
    return:returned, throw:threw, cover:covered, fix:fixed, want:wanted, need:needed
    """
)

NUMBERS = items(
    """
    three, five, six, seven, nine, ten, eleven, twelve, twenty, thirty, forty, fifty
    """
)

PLACES = items(
    """
    in the kitchen, in the garden, at the station, near the river, behind the house,
    under the bridge, on the roof, at the market, in the library, beside the highway,
    in the village, at the airport, in the hospital, near the church, in the forest, on the beach,
    at school, in the office, outside the museum, next to the bank, on the island, in the valley,
    at the hotel, in the basement, across the street, behind the theater, on the balcony,
    in front of the shop, near the harbor, at the corner, in the desert, on the train
    """
)

PAST_TIMES = items(
    """
    yesterday, last night, this morning, last summer, on monday, on tuesday, on friday, on sunday,
    after lunch, before dinner, in april, in august, in october, a long time ago, last winter,
    at midnight, after the storm, during the holiday, a few days ago, before sunrise
    """
)

FUTURE_TIMES = items(
    """
    tomorrow, tonight, next month, next year, after breakfast, before noon, on saturday,
    on thursday, in december, later today, this evening, in spring, very soon, next summer
    """
)

ANIMALS = items(
    """
    dog, cat, rabbit, chicken, elephant, tiger, monkey, donkey, turtle, pigeon, eagle, squirrel,
    fox, wolf, lion, goat, duck, owl, snake, spider, zebra, camel, dolphin, penguin, mouse, frog
    """
)

MOTIONS = items(
    """
    ran, walked, jumped, slept, waited, swam, climbed, rested, disappeared, hurried, wandered,
    stood
    """
)

PATHS = items(
    """
    over the wall, into the water, out of the gate, along the path, up the hill, around the lake,
    toward the mountain, under the tree, across the field, down the stairs, behind the barn,
    past the tower, between the rocks, beyond the hedge, inside the cave
    """
)

FOODS = items(
    """
    apples, bananas, bread, butter, cheese, carrots, chocolate, coffee, cookies, eggs, fish,
    grapes, honey, lemons, milk, mushrooms, noodles, onions, pancakes, pepper, potatoes, rice,
    salad, soup, spinach, sugar, tea, tomatoes, cherries, pumpkin, sandwiches, yogurt
    """
)

WEATHER = items(
    """
    sunny, cloudy, windy, foggy, rainy, stormy, terrible, perfect, dry, humid, freezing, pleasant
    """
)

MOODS = items(
    """
    happy, tired, angry, hungry, thirsty, nervous, busy, lucky, famous, lonely, careful, curious,
    sleepy, honest, jealous, worried, excited, surprised, polite, brave
    """
)

ACTIVITIES = items(
    """
    played chess, played football, played tennis, went fishing, danced together, told stories,
    watched a movie, sang a song, cooked supper, drank lemonade, practiced music, studied history,
    built a castle, baked a cake, laughed loudly, talked about travel, learned spanish,
    counted the stars, shared a secret, rode horses
    """
)

JOBS = items(
    """
    a pilot, an artist, a dentist, a writer, an actor, a scientist, a soldier, a musician,
    a police officer, a journalist, an athlete, a butcher, a fisherman, a professor, a mechanic,
    a tailor
    """
)

REASONS = items(
    """
    because it was late, because the bus was full, because nobody was home,
    because it started to snow, when the phone rang, when the music stopped,
    while everyone was asleep, before the guests arrived, after the game ended,
    until the lights went out, when the baby cried, because dinner was ready
    """
)

TEMPLATES = (
    "{person} {did} the {adjective} {thing} {place}",
    "{person} {did} the {thing} {past}",
    "{person} {did} {number} {things} {past}",
    "{past} {person} {did} {a_thing}",
    "did {person} {do} the {thing} {place}",
    "can you {do} my {adjective} {thing} {future}",
    "please {do} the {thing} and the {thing}",
    "we will {do} the {adjective} {thing} {future}",
    "they {did} {number} {adjective} {things} {place}",
    "the {adjective} {animal} {motion} {path}",
    "a {animal_alone} and a {animal_alone} {motion} {path}",
    "there are {number} {things} {place}",
    "the {thing} {place} is {adjective} and {adjective}",
    "{person} likes {food} with {food}",
    "{person} never eats {food} {place}",
    "we bought {number} {things} and some {food}",
    "the weather was {weather} {past}",
    "it will be {weather} {place} {future}",
    "{person} is {mood} but {person} is {mood}",
    "i think {person} was {mood} {past}",
    "{person} {activity} {place}",
    "{person} and {person} {activity} {past}",
    "{person} wants to become {job}",
    "how many {things} did {person} {do}",
    "{person} {did} the {thing} {reason}",
    "the {animal} {motion} {path} {reason}",
    "why is the {thing} so {adjective}",
    "{person} works as {job} {place}",
)


def _plural(noun: str) -> str:
    if noun.endswith(("ch", "sh", "x", "s")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def _with_article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _fill(slot: str, rng: random.Random) -> str:
    """Returns one filling of a slot, such as `thing` or `did`."""
    match slot:
        case "do":
            return rng.choice(ACTIONS).split(":")[0]
        case "did":
            return rng.choice(ACTIONS).split(":")[1]
        case "things":
            return _plural(rng.choice(THINGS))
        case "a_thing":
            return _with_article(rng.choice(THINGS))
        case _:
            return rng.choice(SLOTS[slot])


SLOTS: dict[str, list[str]] = {
    "person": PEOPLE,
    "thing": THINGS,
    "adjective": ADJECTIVES,
    "number": NUMBERS,
    "place": PLACES,
    "past": PAST_TIMES,
    "future": FUTURE_TIMES,
    "animal": ANIMALS,
    "animal_alone": [animal for animal in ANIMALS if animal[0] not in "aeiou"],
    "motion": MOTIONS,
    "path": PATHS,
    "food": FOODS,
    "weather": WEATHER,
    "mood": MOODS,
    "activity": ACTIVITIES,
    "job": JOBS,
    "reason": REASONS,
}


def english_sentence(rng: random.Random) -> str:
    """Returns one sentence of five to about twelve words."""
    return fill_template(rng.choice(TEMPLATES), _fill, rng)
