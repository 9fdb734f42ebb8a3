"""What tokens cost: the recipe's own prices, else the table that the package genai-prices ships (read offline)."""

from dataclasses import dataclass

from schemas.errors import RecipeError
from schemas.recipe import BudgetSection, EndpointSection


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the dollars for so many tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


def price_of(endpoint: EndpointSection, budget: BudgetSection) -> Price | None:
    """Return the price of the model at the endpoint, or None when nobody knows it.

    Raises:
        RecipeError: only one of the two prices is given, or dollars are capped and the price is not known.
    """
    given = (budget.usd_per_million_input, budget.usd_per_million_output)
    if (given[0] is None) != (given[1] is None):
        raise RecipeError("budget: usd_per_million_input and usd_per_million_output go together; give both or neither")
    if given[0] is not None and given[1] is not None:
        return Price(given[0], given[1])
    price = listed_price(endpoint)
    if price is None and budget.max_usd is not None:
        raise RecipeError(
            f"budget.max_usd: the price of {endpoint.model} at {endpoint.base_url} is not in the table; give "
            "budget.usd_per_million_input and usd_per_million_output, or cap with budget.max_tokens"
        )
    return price


def listed_price(endpoint: EndpointSection) -> Price | None:
    """Return the price of the model by the shipped table, or None."""
    from genai_prices import Usage, calc_price

    usages = Usage(input_tokens=100_000, output_tokens=0), Usage(input_tokens=0, output_tokens=100_000)
    try:
        prompt, completion = (
            float(calc_price(usage, model_ref=endpoint.model, provider_api_url=endpoint.base_url).total_price) * 10 for usage in usages
        )
    except (LookupError, ValueError):
        return None
    return Price(prompt, completion)
