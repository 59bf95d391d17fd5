"""Why one record of a source is turned away: the closed list of codes, and the exception that carries one."""

REASONS: dict[str, str] = {
    # The bytes or the JSON of the record
    "invalid_utf8": "the bytes are not valid UTF-8",
    "invalid_json": "the text is not valid JSON",
    "truncated_json": "the JSON ends before its value does",
    "several_values": "more than one JSON value stands on the line",
    "text_after_value": "something that is not JSON follows the value",
    "duplicate_key": "an object holds the same key twice, so one value would be lost",
    "not_a_number": "a value is NaN or infinite, which JSON does not have",
    "number_too_large": "a number does not fit a float64, or has thousands of digits",
    "unpaired_surrogate": "an escape names half a character, which no encoding can store",
    "too_deep": "objects and lists are nested too deeply",
    "too_large": "the record is larger than a reader holds in memory",
    "unreadable_value": "a value of a Parquet row is beyond what can be read, such as a date after the year 9999",
    "not_an_object": "the record is not a JSON object",
    "invalid_csv": "a quote of a table's cell stands where none can",
    "unclosed_quote": "the quoted cell at the end of a table never closes",
    "cell_count": "a record of a table has more or fewer cells than the header",
    # The fields that the format asks for
    "missing_field": "a field that the format needs is absent",
    "null_field": "a field that the format needs is null",
    "wrong_type": "a field has another type than the format says",
    "unknown_role": "a turn has a role that no format knows",
    "unsupported_content": "a turn holds an image or another part that is not text",
    "invalid_tool_call": "a tool call is not an object with a name and arguments",
    "invalid_tools": "the tools on offer are not valid JSON",
    "text_outside_turns": "text stands before, between or after the marked turns of a dialogue",
    "no_turn_markers": "a text holds no markers of turns, or those of several styles",
    "no_chosen_answer": "preference data without the answer that was chosen",
    "deleted_message": "the root of a message tree was deleted",
    "tags_not_a_list": "imported tags are not a list of strings",
    "empty_scores": "an imported list of scores is empty",
    "unequal_scores": "imported lists of scores differ in length",
    "rejected_answer": "the answer is marked as a bad one (`label: false` of KTO data)",
    # The conversation
    "no_user_turn": "nobody asks anything",
    "no_assistant_turn": "nobody answers",
    "empty_prompt": "a user turn is blank",
    "empty_answer": "an assistant turn is blank and calls no tool",
    "nul_character": "a text holds U+0000, which many stores cut or refuse",
}


class Defect(Exception):  # noqa: N818 - a finding about a record, not an error of the program
    """What is wrong with one record.

    Args:
        reason: a code of `REASONS`.
        detail: the field, the value or the position, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        assert reason in REASONS, reason
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
