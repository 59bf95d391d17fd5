"""How many tokens a row has, and on how many of them a trainer computes its loss."""

from mig_dagster.annotations.tokens.chat_text import ChatText as ChatText
from mig_dagster.annotations.tokens.counting import count_tokens as count_tokens
from mig_dagster.annotations.tokens.rows import COLUMNS as COLUMNS
from mig_dagster.annotations.tokens.rows import RowTokens as RowTokens
from mig_dagster.annotations.tokens.rows import token_rows as token_rows
from mig_dagster.annotations.tokens.tokenizer import RowTokenizer as RowTokenizer
from mig_dagster.annotations.tokens.written import Written as Written
from mig_dagster.annotations.tokens.written import plain_text as plain_text
