"""Section 6: truncated back-propagation through time, its memory and perplexity."""

from itertools import pairwise
from typing import Any

from section import Section, begin_section, new_figure, to_table, verdict
from truncation_trainings import (
    CELL,
    CLIP_NORM,
    FARTHEST,
    LETTERS,
    NEAREST,
    NUM_LANES,
    SEED,
    Corpus,
    Plan,
    closing_perplexity,
    dev_perplexity,
    held_bytes,
    make_corpora,
    train,
)

SPAN = 100  # tokens a lane between two updates, where all make the same number of updates


def measure(section: Section, plan: Plan, corpora: dict[str, Corpus]) -> list[dict[str, Any]]:
    """Returns one record for each number of steps."""
    sentences, marked = corpora["sentences"], corpora["marked"]
    records = []
    for steps in plan.steps:
        equal = train(sentences, steps=steps, span=SPAN, epochs=plan.epochs)
        often = train(sentences, steps=steps, span=steps, epochs=plan.epochs)
        closing = train(marked, steps=steps, span=SPAN, epochs=plan.epochs)
        records.append(
            {
                "steps": steps,
                "held_bytes": held_bytes(sentences, steps),
                "updates": equal.num_updates,
                "seconds": round(equal.seconds, 2),
                "perplexity": dev_perplexity(equal, sentences),
                "updates_each_segment": often.num_updates,
                "seconds_each_segment": round(often.seconds, 2),
                "perplexity_each_segment": dev_perplexity(often, sentences),
                "marked_updates": closing.num_updates,
                "marked_seconds": round(closing.seconds, 2),
                "marked_perplexity": dev_perplexity(closing, marked),
                "closing_perplexity": closing_perplexity(closing.network, marked.dev),
            }
        )
        shown = " ".join(
            f"{key} {records[-1][key]:.3f}" for key in records[-1] if "perplexity" in key
        )
        section.say(f"{steps} steps: {shown}")
    return records


def draw_tables(records: list[dict[str, Any]]) -> list[str]:
    """Returns the section's two tables, each with its caption."""
    header = [
        "steps",
        "held (kB)",
        "seconds",
        "sentences: perplexity",
        "closing letter: perplexity",
    ]
    rows = [
        [
            record["steps"],
            f"{record['held_bytes'] / 1e3:,.0f}",
            f"{record['seconds']:.1f}",
            f"{record['perplexity']:.3f}",
            f"{record['closing_perplexity']:.2f}",
        ]
        for record in records
    ]
    each = [
        [
            record["steps"],
            f"{record['updates_each_segment']:,}",
            f"{record['seconds_each_segment']:.1f}",
            f"{record['perplexity_each_segment']:.3f}",
        ]
        for record in records
    ]
    updates = records[0]["updates"], records[0]["marked_updates"]
    return [
        f"**An update every {SPAN} tokens a lane** ({updates[0]} on sentences, {updates[1]} on "
        "marked lines; seconds are those of sentences)",
        to_table(header, rows),
        "**Sentences, an update after each segment**",
        to_table(["steps", "updates", "seconds", "perplexity"], each),
    ]


def judge(records: list[dict[str, Any]]) -> list[str]:
    """Returns what the numbers say."""
    first, last = records[0], records[-1]
    ratio, growth = (last[key] / first[key] for key in ("steps", "held_bytes"))
    said = [
        verdict(
            0.5 * ratio < growth < 1.1 * ratio,
            "the memory held for the backward pass grows in proportion to the steps",
            f"{growth:.0f} times as much for {ratio:.0f} times the steps",
        )
    ]
    values = [record["perplexity"] for record in records]
    falls = all(after < before for before, after in pairwise(values))
    figures = ", ".join(f"{r['perplexity']:.3f} at {r['steps']}" for r in records)
    claim = "with equal updates every longer truncation has the lower perplexity on sentences"
    said.append(verdict(falls, claim, figures))
    said.append(judge_closing(records))
    best = min(records, key=lambda record: record["perplexity_each_segment"])
    return [
        *said,
        f"With an update after each segment {best['steps']} steps are best here "
        f"({best['perplexity_each_segment']:.3f}, {best['updates_each_segment']:,} updates; "
        f"{last['perplexity_each_segment']:.3f} at {last['steps']} steps with "
        f"{last['updates_each_segment']:,}): on so little text the number of updates counts too.",
    ]


def judge_closing(records: list[dict[str, Any]]) -> str:
    """Returns whether truncations that reach the opening letter learn to close."""
    below = [r["closing_perplexity"] for r in records if r["steps"] < NEAREST]
    above = [r["closing_perplexity"] for r in records if r["steps"] > FARTHEST]
    if not below or not above:
        return "Too few truncations were tried to judge closing letters."
    said = verdict(
        max(above) < min(below),
        f"truncations longer than the distance ({NEAREST} to {FARTHEST}) learn the closing letter "
        "better than those that are shorter",
        f"{min(above):.2f} to {max(above):.2f} against {min(below):.2f} to {max(below):.2f}",
    )
    if max(below) < len(LETTERS):
        said += (
            f" The shorter ones still do better than guessing ({len(LETTERS)}): the state crosses "
            "segments, though gradients do not."
        )
    return said


def describe(plan: Plan, corpora: dict[str, Corpus]) -> str:
    """Returns what was done."""
    tokens = {name: corpus.train.num_tokens for name, corpus in corpora.items()}
    return (
        f"Recurrent language models of characters (one {CELL.upper()} layer, tied weights) read "
        f"two texts in {NUM_LANES} lanes, {plan.epochs} times: {plan.num_sentences:,} sentences "
        f"from the quickstart's templates ({tokens['sentences']:,} tokens), and "
        f"{plan.num_marked:,} marked lines ({tokens['marked']:,} tokens), each of which opens with "
        f"one of {len(LETTERS)} letters and closes with the same {NEAREST} to {FARTHEST} tokens "
        f"later, random filling between. {plan.num_dev} other lines of each are the dev text. "
        "Gradients reach back to the beginning of their segment of so many steps; the state goes "
        "on. Fewer steps would also mean more updates, so the first table adds gradients up over "
        f"{SPAN} tokens a lane before each update: all its rows saw the same tokens in the same "
        "number of updates. Held is what autograd keeps of one segment's forward pass on "
        "sentences, each storage counted once, weights left out. One seed."
    )


def draw_picture(records: list[dict[str, Any]]) -> Any:
    """Returns the picture: memory, and the perplexities of both texts."""
    figure = new_figure(14, 4)
    panels = figure.subplots(1, 3)
    steps = [record["steps"] for record in records]

    def draw(axes: Any, key: str, label: str, scale: float = 1.0) -> None:
        axes.semilogx(steps, [record[key] * scale for record in records], "o-", label=label)

    draw(panels[0], "held_bytes", "one segment", 1e-6)
    panels[0].set(title="memory for the backward pass", ylabel="held (MB)", yscale="log")
    draw(panels[1], "perplexity", f"update every {SPAN} tokens")
    draw(panels[1], "perplexity_each_segment", "update after each segment")
    panels[1].set(title="sentences", ylabel="dev perplexity per token")
    draw(panels[2], "closing_perplexity", f"update every {SPAN} tokens")
    panels[2].axvspan(NEAREST, FARTHEST, color="0.9", label="distance of the opening letter")
    panels[2].axhline(len(LETTERS), color="k", linestyle=":", label="guessing")
    panels[2].set(title="marked lines", ylabel="perplexity of the closing letter")
    for axes in panels:
        axes.set_xlabel("steps of a segment")
        axes.set_xticks(steps, [str(k) for k in steps])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return figure


def main() -> None:
    """Trains every truncation on both texts and writes the section."""
    section = begin_section("truncation", __doc__)
    plan = Plan()
    if section.quick:
        plan = Plan(steps=(1, 10, 50), num_sentences=150, num_marked=200, num_dev=20, epochs=1)
    corpora = make_corpora(plan)
    records = measure(section, plan, corpora)
    settings = {
        "seed": SEED,
        "cell": CELL,
        "num_lanes": NUM_LANES,
        "span": SPAN,
        "clip_norm": CLIP_NORM,
        "epochs": plan.epochs,
        "hidden_dim": {name: corpus.hidden_dim for name, corpus in corpora.items()},
        "train_tokens": {name: corpus.train.num_tokens for name, corpus in corpora.items()},
        "dev_tokens": {name: corpus.dev.num_tokens for name, corpus in corpora.items()},
    }
    section.save(
        draw_picture(records),
        numbers={"settings": settings, "results": records},
        parts=[
            describe(plan, corpora),
            *draw_tables(records),
            "\n".join(f"- {line}" for line in judge(records)),
        ],
    )


if __name__ == "__main__":
    main()
