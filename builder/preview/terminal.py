"""The preview in a terminal: colours where there are any, brackets around what is learnt where there are none."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from trainer.preview import Piece, Preview, Shown

_BINS, _BAR = 8, 40
_PROBLEM_IDS = 8


def show(preview: Preview, figures: Mapping[str, float], *, base: str, dropped: int) -> None:
    """Print the preview on standard output."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for name, text in _facts(preview, figures, base, dropped):
        console.print(Text.assemble((f"{name:<11}", "bold"), text))
    _print_lengths(console, [sheet.tokens for sheet in preview.sheets])
    for shown in preview.shown:
        _print_row(console, shown)
    for note in preview.notes:
        console.print(f"note: {note}")
    for problem in preview.problems:
        names = ", ".join(problem.pairs[:_PROBLEM_IDS]) + (" ..." if len(problem.pairs) > _PROBLEM_IDS else "")
        console.print(Text.assemble(("refused: ", "bold red"), f"{problem.found}: {names}; {problem.advice}"))
    if not preview.problems:
        console.print("nothing stands against training: no row is cut, and every row ends in the loss with the end token", style="green")


def _facts(preview: Preview, figures: Mapping[str, float], base: str, dropped: int) -> list[tuple[str, str]]:
    """Return the lines of the overview, a name and a text each."""
    template, tokenizer = preview.template, preview.template.tokenizer
    tokens = {"end": tokenizer.convert_ids_to_tokens(template.end), "begin": tokenizer.bos_token, "padding": tokenizer.pad_token}
    control = ", ".join(f"{kind} {token or 'none'}" for kind, token in tokens.items())
    rows = f"updates of up to {figures['largest_batch']:,} rows"
    left = f"; {dropped:,} rows of the file are no pairs (kilopair import says why)" if dropped else ""
    limit = f"limit {preview.limit:,}, {figures['too_long']:,} longer" if preview.limit else "no limit"
    weight = f", prompts weigh {preview.prompt_weight:g}" if preview.prompt_weight else ""
    endings = ", ".join(f"{_tail(tail)} {count:,}" for tail, count in preview.endings()[:3])
    return [
        ("base", base),
        ("template", f"{template.name} ({template.source}); {control}"),
        *([("system", template.system)] if template.system else []),
        ("pairs", f"{figures['train']:,} train, {figures['validation']:,} validation{left}"),
        *([("tokens", _spread(figures, limit))] if preview.sheets else []),
        ("in loss", f"{figures['trained_share']:.0%} of all tokens, {figures['trained_median']:,.0f} of the median row{weight}"),
        (
            "one pass",
            f"{figures['updates_per_pass']:,} {rows}, {figures['padded_share']:.0%} padding",
        ),
        ("ends", f"{figures['ended']:,} of {len(preview.sheets):,} rows end with the end token: {endings}"),
    ]


def _spread(figures: Mapping[str, float], limit: str) -> str:
    names = ("shortest", "median", "p95", "longest")
    return ", ".join(f"{name} {figures[name]:,.0f}" for name in names) + f" ({limit}); nothing is ever cut"


def _print_lengths(console: Console, lengths: Sequence[int]) -> None:
    """Draw how many rows have how many tokens."""
    if not lengths:
        return
    width = max(1, -(-(max(lengths) + 1 - min(lengths)) // _BINS))
    counts = [0] * _BINS
    for length in lengths:
        counts[(length - min(lengths)) // width] += 1
    for number, count in enumerate(counts):
        first = min(lengths) + number * width
        if first <= max(lengths):
            bar = "#" * round(_BAR * count / max(counts)) or ("." if count else "")
            console.print(Text.assemble(f"{first:>6,} to {first + width - 1:<6,} ", (bar, "cyan"), f" {count:,}"))


def _print_row(console: Console, shown: Shown) -> None:
    """Print a row twice: as the text it is, and token by token with brackets around what is in the loss."""
    sheet, space = shown.sheet, "·" if console.encoding.startswith("utf") else "_"
    console.print()
    console.print(f"{sheet.pair_id}: {sheet.split}, {sheet.tokens:,} tokens, {sheet.trained:,} in the loss", style="bold")
    console.print(Text.assemble(*((piece.text, _style(piece)) for piece in shown.pieces)))
    console.print(Text("tokens, those in the loss in brackets:", style="dim"))
    console.print(Text.assemble(*(part for piece in shown.pieces for part in _token(piece, space))))
    console.print(Text.assemble(("last in the loss: ", "dim"), _tail(sheet.tail, space)))


def _style(piece: Piece) -> str:
    if piece.trained:
        return "bold green"
    return "yellow" if piece.control else "dim"


def _token(piece: Piece, space: str) -> list[tuple[str, str]]:
    text = _flat(piece.text).replace(" ", space)
    return [(f"[{text}]", _style(piece))] if piece.trained else [(text, _style(piece)), ("|", "dim")]


def _tail(tail: Sequence[str], space: str = " ") -> str:
    return "".join(f"[{_flat(text)}]" for text in tail).replace(" ", space)


def _flat(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
