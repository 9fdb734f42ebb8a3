"""The same rule with another value, found in planted pairs; rules about other things, left alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.findings.contradictions import contradictions
from builder.findings.statements import statements
from schemas.findings import Finding, FindingsSection
from schemas.records import Document

CONTRADICT = [
    ("Employees receive 25 days of annual leave per year.", "Every employee gets 20 days of annual leave a year."),
    ("Travel expenses must be submitted within 30 days of the trip.", "Submit your travel expenses no later than 14 days after the trip."),
    ("Passwords must have at least 12 characters.", "A password needs a minimum of 8 characters."),
    ("The probation period lasts six months.", "The probation period is three months."),
    ("Meals are reimbursed up to $60 per day.", "We reimburse meals up to $45 per day."),
    ("The office opens at 8:00 am.", "The office opens at 9 am."),
    ("Laptops are replaced every three years.", "Laptops are replaced every 4 years."),
    ("You must not use public Wi-Fi with a company laptop.", "You may use public Wi-Fi with a company laptop."),
    ("Pets are not allowed in the office.", "Pets are allowed in the office."),
    ("Visitors must sign in at the reception.", "Visitors need not sign in at the reception."),
    ("The late fee is 5% of the invoice.", "The late fee is 3 percent of the invoice."),
    ("The fiscal year ends on March 31.", "The fiscal year ends on 31 December."),
    ("Interns earn EUR 1,500 a month.", "Interns earn 1.800 EUR a month."),
    ("Support tickets are answered within 4 hours.", "Support tickets are answered within one day or 24 hours."),
    ("Gifts above 50 EUR must be reported.", "Report gifts worth more than 100 EUR."),
    ("Der Urlaub beträgt 30 Tage.", "Der Urlaub beträgt 25 Tage."),
]
PARAPHRASES = [  # under titles and headings of their own
    (
        "Full-time employees are entitled to 28 days of paid annual leave per calendar year.",
        "As a full-time colleague you get 25 vacation days a year.",
    ),
    ("Priority 1 tickets are answered within one hour.", "We respond to every P1 ticket in no more than 4 hours."),
    ("During probation the notice period is two weeks.", "Within the probation period either side gives one month's notice."),
    ("Employees may work from home up to three days a week.", "Working from home is possible on two days per week at most."),
    ("Visitors must be registered 24 hours before they arrive.", "Register visitors no later than two working days before their arrival."),
    ("All devices come with a warranty of 24 months.", "Our devices are guaranteed for three years."),
    ("Eye wash stations are tested once a week.", "We test every eye wash station monthly."),
    ("Access logs are stored for 180 days.", "We delete access logs after 90 days."),
    ("The daily meal allowance is 28 euros.", "Our meal allowance comes to 24 euros a day."),
    ("An exam can be retaken twice.", "You may retake an exam three times."),
    ("A doctor's certificate is required from the third day of illness.", "If you are sick, hand in a medical certificate from day four."),
    ("Standard shipping takes 3 to 5 business days.", "Standard shipping takes 7 to 10 business days."),
]
OTHER_THINGS = [  # not only other values: other people, things, places, times, directions
    ("Passwords of users have at least 12 characters.", "Passwords of administrators have at least 16 characters."),
    ("In Germany hotel costs are reimbursed up to 120 euros.", "In Switzerland hotel costs are reimbursed up to 200 euros."),
    ("Private customers pay invoices within 14 days.", "Business customers pay invoices within 30 days."),
    ("The desk is open from 7 am to 6 pm.", "On Saturdays the desk is open from 8 am to 6 pm."),
    ("From January 2026 the plan costs 59 euros.", "The plan costs 49 euros."),
    ("Orders ship free of charge from 50 euros.", "Orders to other countries ship free of charge from 150 euros."),
    ("Every client may send 60 requests per minute.", "For example, a client that sends 90 requests per minute is slowed down."),
    ("The refund is paid within 10 days after the parcel arrived.", "The refund was paid 6 days after the parcel arrived."),
    ("Parental leave can last 36 months.", "Parental leave is requested 3 months before it starts."),
    ("The free trial runs for 14 days.", "The free trial can be extended by 7 days."),
    ("Users see the prompt if the password expires within 14 days.", "The password of users expires after 90 days."),
    ("The password has at least 8 characters.", "The password has at most 64 characters."),
    ("Laptops are replaced after four years.", "Laptop batteries are replaced after two years."),
    ("The warehouse opens at 7 am.", "The warehouse closes at 6 pm."),
    ("The answer comes within 2 minutes.", "The answer comes within 3 weeks."),
    ("The plan costs 49 euros per month.", "Paid once a year, the plan costs 490 euros."),
    ("Probation lasts six months.", "Probation lasts 26 weeks."),
    ("All fixes of v1.5.3 are in this release.", "All fixes of v1.5.4 are in this release."),
    ("Records must be kept.", "Records must not be deleted."),
]
AGREE = [
    ("Invoices are due after 14 days.", "Invoices are due after two weeks."),
    ("Meeting rooms hold up to twelve people.", "Meeting rooms hold up to 12 people."),
    ("The Brook sensor costs 289 EUR.", "The Reef sensor costs 340 EUR."),
    ("Full-time employees have 25 days of leave.", "Part-time employees have 15 days of leave."),
    ("You earn 104 hours of sick leave.", "You earn 56 hours of annual leave."),
    ("Unopened goods can be returned within 60 days.", "Opened goods can be returned within 30 days."),
    ("Breakfast is reimbursed up to 10 EUR.", "Dinner is reimbursed up to 30 EUR."),
    ("The basic plan includes 5 users.", "The team plan includes 50 users."),
    ("Managers approve expenses up to 500 EUR.", "Directors approve expenses up to 5,000 EUR."),
    ("Contractors may not book flights.", "Employees may book flights."),
    ("The first review takes 30 minutes.", "The second review takes 45 minutes."),
    ("The plan costs 5 EUR a month.", "The plan costs 55 EUR a year."),
    ("See step 3 of the form for refunds.", "See step 4 of the form for refunds."),
    ("The Delta 700 is calibrated yearly.", "The Delta 400 is calibrated yearly."),
]


def document(name: str, text: str, **fields: object) -> Document:
    return Document.of(path=f"{name}.md", title=name, format="markdown", text=text, raw=b"x").model_copy(update=fields)


def found(*documents: Document) -> list[Finding]:
    return list(contradictions(documents, FindingsSection()))


def quotes(findings: list[Finding]) -> set[tuple[str, ...]]:
    return {tuple(place.quote for place in finding.places) for finding in findings}


def test_planted_contradictions_are_found_and_rules_about_other_things_are_not():
    left = "# Rules\n\n" + "\n\n".join(one for one, _ in (*CONTRADICT, *AGREE)) + "\n"
    right = "# Handbook\n\n" + "\n".join(f"- {other}" for _, other in (*CONTRADICT, *AGREE)) + "\n"

    reported = found(document("rules", left), document("handbook", right))

    assert quotes(reported) == set(CONTRADICT)


@pytest.mark.parametrize(("one", "other"), PARAPHRASES)
def test_a_rule_in_other_words_with_another_value_is_found(one: str, other: str):
    left, right = document("policy", f"# Policy\n\n## Rules\n\n{one}\n"), document("faq", f"# FAQ\n\n## Questions\n\n{other}\n")

    assert quotes(found(left, right)) == {(one, other)}


@pytest.mark.parametrize(("one", "other"), OTHER_THINGS)
def test_a_rule_for_others_or_in_other_cases_is_left_alone(one: str, other: str):
    assert found(document("policy", f"# Policy\n\n{one}\n"), document("faq", f"# FAQ\n\n{other}\n")) == []


def test_minutes_of_two_months_do_not_contradict_each_other():
    one, other = (
        document(f"Minutes of {month}", f"The support team has {size} members.\n") for month, size in (("March", 14), ("June", 17))
    )

    assert found(one, other) == []


def test_two_sections_of_one_document_contradict_each_other_only_where_they_name_their_subject():
    named = document(
        "fleet", "# Fleet\n\n## Cars\n\nCompany cars are leased for 4 years.\n\n## Money\n\nA company car is leased for 3 years.\n"
    )
    sorts = document("data", "# Data sheet\n\n## Delta\n\nThe battery lasts 8 hours.\n\n## Reef\n\nThe battery lasts 6 hours.\n")

    assert quotes(found(named)) == {("Company cars are leased for 4 years.", "A company car is leased for 3 years.")}
    assert found(sorts) == []


def test_each_quote_stands_where_the_finding_says():
    left = document("rules", "# Leave\n\nIntro words. Annual leave lasts 25 days. More words.\n")
    right = document("notes", "Nothing.\n\n> Annual leave lasts **20 days**.\n")

    (finding,) = found(left, right)

    for place, source in zip(finding.places, (left, right), strict=True):
        assert (place.document_id, place.path) == (source.id, source.path)
        assert " ".join(source.text[place.start : place.end].split()) == place.quote
    assert [place.line for place in finding.places] == [3, 3]
    assert finding.sentence.startswith("rules.md:3 says “Annual leave lasts 25 days.” but notes.md:3 says")


def test_headings_say_what_a_sentence_is_about():
    policy = document("policy", "# Leave\n\n## Annual leave\n\nYou get 25 days.\n\n## Study leave\n\nYou get 5 days.\n")
    faq = document("faq", "# Questions\n\nAnnual leave is 20 days.\n")

    assert quotes(found(policy, faq)) == {("You get 25 days.", "Annual leave is 20 days.")}


def test_rows_of_tables_are_compared_by_what_stands_at_the_head_of_their_columns():
    old = document("prices a", "| Item | Price |\n|---|---|\n| Blue steel cable long | 12 |\n| Red steel cable long | 15 |\n")
    new = document("prices b", "| Item | Price |\n|---|---|\n| Blue steel cable long | 14 |\n| Red steel cable long | 15 |\n")

    assert [len(finding.places) for finding in found(old, new)] == [2]
    assert all("Blue" in place.quote for finding in found(old, new) for place in finding.places)


def test_rows_of_a_large_data_table_are_no_rules_and_what_stands_around_it_is_compared():
    def data(name: str, rows: int, price: int) -> Document:
        listed = "".join(f"| Blue{row} steel{row} cable{row} drum{row} long{row} | {price} |\n" for row in range(rows))
        return document(
            name, f"Annual leave lasts {price} days.\n\n| Item | Price |\n|---|---|\n{listed}\nProbation lasts {price} weeks.\n"
        )

    small, large = ([data("a", rows, 12), data("b", rows, 14)] for rows in (20, 400))

    assert any("cable" in place.quote for finding in found(*small) for place in finding.places)
    assert quotes(found(*large)) == {
        ("Annual leave lasts 12 days.", "Annual leave lasts 14 days."),
        ("Probation lasts 12 weeks.", "Probation lasts 14 weeks."),
    }
    assert sorted(place.line for finding in found(*large) for place in finding.places) == [1, 1, 406, 406]


def test_data_sheets_of_two_products_do_not_contradict_each_other():
    one = document("Delta 700 manual", "# Delta 700 manual\n\n| Property | Value |\n|---|---|\n| Calibration interval | 90 days |\n")
    other = document("Reef 400 manual", "# Reef 400 manual\n\n| Property | Value |\n|---|---|\n| Calibration interval | 30 days |\n")

    assert found(one, other) == []


def test_a_document_that_says_both_and_a_superseded_one_contradict_nothing():
    both = document("both", "Annual leave lasts 25 days.\n\nAnnual leave lasts 20 days.\n")
    old = document("old", "Annual leave lasts 20 days.\n", metadata={"status": "superseded"})
    new = document("new", "Annual leave lasts 25 days.\n")

    assert found(both) == found(both, new) == found(old, new) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([text for pair in (*CONTRADICT, *AGREE) for text in pair]), max_size=12), st.text(max_size=60))
def test_any_two_documents_give_the_same_findings_each_time_about_text_that_is_there(parts: list[str], noise: str):
    documents = [document("a", "\n\n".join(parts)), document("b", noise + "\n\n" + "\n".join(f"- {part}" for part in reversed(parts)))]

    reported = found(*documents)

    assert reported == found(*documents)
    texts = {one.id: one.text for one in documents}
    for place in (place for finding in reported for place in finding.places):
        assert texts[place.document_id][place.start : place.end].strip()
        assert place.line == texts[place.document_id].count("\n", 0, place.start) + 1
    assert all(said.quote == one.text[said.said.start : said.said.end] for one in documents for said in statements(one))
