"""Row ids at the speed of reading: `Conversation.row_id`, without building a JSON document where none is needed."""

from json.encoder import encode_basestring

from mig_dagster.conversation import Conversation, hash_text


def row_id(conversation: Conversation) -> str:
    """Return what `conversation.row_id` returns, several times faster for conversations without tools and reasoning."""
    if conversation.tools is not None:
        return conversation.row_id
    turns = []
    for message in conversation.messages:
        if message.tool_calls is not None or message.reasoning_content is not None:
            return conversation.row_id
        turns.append(f'{{"content":{encode_basestring(message.content)},"role":{encode_basestring(message.role)}}}')
    return hash_text(f'{{"messages":[{",".join(turns)}]}}')
