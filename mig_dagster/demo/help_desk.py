"""Help-desk dialogues of one to four questions, most with a system turn."""

from mig_dagster.conversation import Conversation, Message
from mig_dagster.demo.draws import Draws
from mig_dagster.demo.words import CITIES, NAMES

_COMPANIES = ("Larkspur Mobile", "Tidewater Bank", "Juniper Cloud", "Orchard Streaming", "Fernway Rail", "Mosaic Games")
_SYSTEMS = (
    "You are the help desk of {company}. Be polite and brief.",
    "You answer customers of {company}. Ask for details before you suggest a solution.",
    "Act as a patient support agent at {company} who explains every step.",
    "{company} support. Never ask for passwords.",
)
# problem, question back, customer's detail, solution, second question, second answer
_CASES = (
    (
        "I cannot log in any more",
        "Which message do you see?",
        "It says my password has expired",
        "Choose 'Forgotten password' on the login page. The mail with the link is valid for one hour.",
        "Can I use my old password again?",
        "No, the last five passwords are blocked for safety.",
    ),
    (
        "I was charged twice this month",
        "On which days did the two charges appear?",
        "On the 3rd and on the 4th",
        "The second one is a reservation. It disappears within five working days without any action from you.",
        "What if it does not disappear?",
        "Then send us the statement and we refund the amount on the same day.",
    ),
    (
        "My parcel has not arrived",
        "When did you place the order?",
        "Nine days ago",
        "The carrier shows it at the depot. I have ordered a new delivery for tomorrow between 9 and 12.",
        "Can a neighbour accept it?",
        "Yes, leave a note with the name at the door.",
    ),
    (
        "The app crashes when I open it",
        "Which phone and which version of the system do you use?",
        "A three-year-old phone, and I have never updated it",
        "Please install the latest system update, then remove and reinstall the app. Your data stays in your account.",
        "Will I lose my photos?",
        "No, photos are stored in the gallery and not in the app.",
    ),
    (
        "I want to cancel my subscription",
        "Would you like to cancel now or at the end of the period?",
        "At the end of the period",
        "It is cancelled for the end of the month. You have received a confirmation by mail.",
        "Can I come back later?",
        "Yes, your settings are kept for one year.",
    ),
    (
        "The internet connection is slow every evening",
        "Have you measured it by cable or wireless?",
        "Wireless only",
        "Put the router in a free spot and choose the 5 GHz band. If it stays slow by cable, we check the line.",
        "Does the microwave matter?",
        "Yes, it disturbs the 2.4 GHz band while it runs.",
    ),
    (
        "I need an invoice with another address",
        "Which order number is it?",
        "It is on the receipt, ending in 417",
        "I have changed the address. The new invoice is in your account under 'Documents'.",
        "Is the old one still valid?",
        "No, please keep the new one for your books.",
    ),
    (
        "My seat reservation is missing",
        "Which train did you book?",
        "The one at 7:42 on Friday",
        "I see the ticket without a seat. I have added seat 54 by the window at no cost.",
        "Is there a power socket?",
        "Yes, between the two seats.",
    ),
    (
        "Someone used my card abroad",
        "Do you still have the card with you?",
        "Yes, it is in my wallet",
        "I have blocked it at once. Please mark the payments you do not know and we will dispute them.",
        "How long does a new card take?",
        "Three to five working days; a virtual card works immediately.",
    ),
    (
        "The screen of my tablet stays black",
        "Does it make a sound when you charge it?",
        "Yes, a short tone",
        "Hold the power and volume keys for fifteen seconds. That restarts the device without deleting anything.",
        "And if it does not help?",
        "Then please send it in; the repair is covered for two years.",
    ),
    (
        "How do I share a folder with my team",
        "Should they be able to edit it?",
        "Some of them, yes",
        "Open the folder, choose 'Share', and set 'Can edit' for some and 'Can view' for the others.",
        "Can I set an end date?",
        "Yes, under 'Link settings'.",
    ),
    (
        "I forgot a bag on the train",
        "What does it look like and where did you sit?",
        "Grey, in coach 6",
        "I have reported it to the lost property office. You will get a call within two days.",
        "Does it cost anything?",
        "Collecting it is free; sending it costs a small fee.",
    ),
    (
        "The game does not save my progress",
        "Are you signed in while you play?",
        "I do not think so",
        "Sign in under 'Profile'. From then on progress is saved after every level.",
        "What about the levels I have finished?",
        "They are added when you sign in on the same device.",
    ),
    (
        "I would like a higher transfer limit",
        "For a single payment or for good?",
        "For a single payment of a flat",
        "You can raise the limit for one day in the app under 'Cards and limits'. Please confirm it with the code.",
        "Is there a maximum?",
        "Yes, fifty thousand a day; above that please visit a branch.",
    ),
)
_GREETINGS = ("Hello", "Hi there", "Good morning", "Good evening", "Hey", "Dear team")
_CLOSINGS = ("Thank you, that helped!", "Great, thanks.", "Perfect, have a nice day.", "ok thx")
_TERSE = ("Restart it.", "See the FAQ.", "Please wait a few days.", "Not our problem, contact the carrier.", "Done.")


def generate(draws: Draws) -> Conversation:
    """Return one dialogue; now and then the agent is curt, and now and then the customer has the last word."""
    company, name = draws.choice(_COMPANIES), draws.choice(NAMES)
    problem, back, detail, solution, second, second_answer = draws.choice(_CASES)
    opening = f"{draws.choice(_GREETINGS)}, this is {name} from {draws.choice(CITIES)}. {problem}."
    turns = [Message("system", draws.choice(_SYSTEMS).format(company=company))] if draws.chance(0.7) else []
    turns.append(Message("user", opening))
    if draws.chance(0.12):
        return Conversation((*turns, Message("assistant", draws.choice(_TERSE))))
    if draws.chance(0.75):
        sorry = draws.choice((f"I am sorry to hear that, {name}. ", f"Thanks for writing, {name}. ", ""))
        turns += [Message("assistant", sorry + back), Message("user", f"{detail}.")]
    turns.append(Message("assistant", solution))
    if draws.chance(0.6):
        turns += [Message("user", second), Message("assistant", second_answer)]
    if draws.chance(0.3):
        end = draws.choice(("You are welcome!", f"Gladly, {name}. Is there anything else?", f"{company} thanks you."))
        turns += [Message("user", draws.choice(_CLOSINGS)), Message("assistant", end)]
    return Conversation(tuple(turns))
