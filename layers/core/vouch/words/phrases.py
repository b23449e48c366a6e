"""What an explanation says, in English and Hebrew, phrase by phrase and by the code that asks for it.

Whatever is filled in comes ready to stand in a text of either direction (`vouch.words.speech`). Where a creator reads
of themselves, the phrase whose name ends in `_you` is said, if there is one.
"""

from typing import Final

from vouch.messages import Language

Phrase = dict[Language, str]

STATUSES: Final[dict[str, Phrase]] = {
    "open": {"en": "It is not paid yet.", "he": "היא עוד לא שולמה."},
    "paid": {"en": "It is paid.", "he": "היא שולמה."},
    "cancelled": {"en": "It was cancelled.", "he": "היא בוטלה."},
    "refunded": {"en": "All of its money was given back.", "he": "כל הכסף עליה הוחזר."},
    "test": {"en": "It is a test.", "he": "זו הזמנת ניסיון."},
    "parked": {"en": "It has not come in itself yet.", "he": "ההזמנה עצמה עוד לא התקבלה."},
}

ORDER_REASONS: Final[dict[str, Phrase]] = {
    "awaiting_order": {
        "en": "Something was said about it already, and counts as soon as the shop sends the order.",
        "he": "כבר נמסר עליה דבר מה, והוא ייחשב כשהחנות תשלח את ההזמנה.",
    },
    "shadow": {
        "en": "The same sale is another order, and counts there.",
        "he": "אותה מכירה היא הזמנה אחרת, ונספרת שם.",
    },
    "test_order": {"en": "A test earns nothing.", "he": "הזמנת ניסיון אינה מזכה בעמלה."},
    "no_credit": {
        "en": "Nobody is credited with it, so it earns nothing.",
        "he": "היא אינה נזקפת לזכות איש, ולכן אינה מזכה בעמלה.",
    },
    "nothing_commissionable": {
        "en": "It earns nothing: there is nothing in it on which commission is paid.",
        "he": "היא אינה מזכה בעמלה: אין בה דבר שמשלמים עליו עמלה.",
    },
    "not_paid": {
        "en": "It earns nothing until it is paid in full.",
        "he": "היא לא תזכה בעמלה עד שתשולם במלואה.",
    },
    "cancelled": {"en": "So nothing of it is earned.", "he": "לכן אין עליה עמלה."},
    "rejected": {
        "en": "The brand has rejected it, so nothing of it is earned.",
        "he": "המותג דחה אותה, ולכן אין עליה עמלה.",
    },
    "held": {
        "en": "What it earns is held until the brand approves it.",
        "he": "העמלה מעוכבת עד שהמותג יאשר את ההזמנה.",
    },
    "refund_currency": {
        "en": "What it earns is held: a refund is in another currency than the order, "
        "and the brand has to say what that means for the commission.",
        "he": "העמלה מעוכבת: החזר נרשם במטבע אחר מזה של ההזמנה, והמותג צריך לומר מה זה אומר לגבי העמלה.",
    },
    "disputed": {
        "en": "What it earns is held: the buyer's bank is asking for the money back.",
        "he": "העמלה מעוכבת: הבנק של הקונה דורש את הכסף בחזרה.",
    },
    "recurring_limit": {
        "en": "It earns nothing: its subscription has earned for as long as the terms allow.",
        "he": "היא אינה מזכה בעמלה: המינוי כבר זיכה ככל שהתנאים מאפשרים.",
    },
    "platform_pays": {
        "en": "It earns nothing here: the platform pays its creators itself.",
        "he": "היא אינה מזכה כאן בעמלה: הפלטפורמה משלמת ליוצרים בעצמה.",
    },
    "no_rule": {
        "en": "It earns nothing: no rule of the terms fits it.",
        "he": "היא אינה מזכה בעמלה: אף כלל בתנאים אינו מתאים לה.",
    },
}
"""Why an order earns nobody anything, or why that was taken back or is held; after the words of its status."""

MODELS: Final[dict[str, Phrase]] = {
    "last": {
        "en": "{where} the last one to lead to the order is credited",
        "he": "{where} ההזמנה נזקפת לזכות האחרון שהוביל אליה",
    },
    "first": {
        "en": "{where} the first one to lead to the order is credited",
        "he": "{where} ההזמנה נזקפת לזכות הראשון שהוביל אליה",
    },
    "linear": {
        "en": "{where} all that led to the order counts the same",
        "he": "{where} לכל מה שהוביל להזמנה יש משקל שווה",
    },
    "position": {
        "en": "{where} what came first and what came last counts 40 % each, and all between 20 % together; "
        "of two, each counts half",
        "he": "{where} למה שבא ראשון ולמה שבא אחרון יש 40 % כל אחד, ולכל מה שביניהם 20 % יחד; "
        "כשיש רק שניים, לכל אחד חצי",
    },
    "time_decay": {
        "en": "{where} what is nearer to the order counts more: a share halves every {each_days}",
        "he": "{where} מה שקרוב יותר להזמנה שווה יותר: החלק קטן בחצי בכל {each_days}",
    },
}
"""How the credit is shared: in this program, or by another's terms."""

TOUCH_REASONS: Final[dict[str, Phrase]] = {
    "unknown_click": {"en": "it is no click of ours", "he": "אין אצלנו קליק כזה"},
    "unknown_code": {"en": "it belongs to no creator", "he": "הוא אינו שייך לאף יוצר"},
    "unknown_handle": {"en": "no creator had that name then", "he": "לאף יוצר לא היה אז השם הזה"},
    "code_not_active": {
        "en": "the code was not active when the order was placed",
        "he": "הקוד לא היה פעיל כשההזמנה בוצעה",
    },
    "not_enrolled": {
        "en": "there was no active part in the program when the order was placed",
        "he": "לא הייתה השתתפות פעילה בתכנית כשההזמנה בוצעה",
    },
    "program_paused": {
        "en": "the program was paused when the order was placed",
        "he": "התכנית הייתה מושהית כשההזמנה בוצעה",
    },
    "no_terms": {
        "en": "the program had no terms yet when the order was placed",
        "he": "לתכנית עוד לא היו תנאים כשההזמנה בוצעה",
    },
    "other_program": {
        "en": "orders of this shop count for another program",
        "he": "הזמנות מהחנות הזאת נחשבות לתכנית אחרת",
    },
    "self_referral": {
        "en": "nobody earns on what they buy themselves",
        "he": "אין עמלה על קנייה עצמית",
    },
    "after_order": {"en": "it came after the order", "he": "הוא הגיע אחרי ההזמנה"},
    "outside_window": {"en": "a click counts for {days}", "he": "קליק נחשב במשך {days}"},
    "tie_expired": {
        "en": "a customer counts as a creator's own for {months}",
        "he": "במשך {months} לקוח נחשב של מי שהביא אותו",
    },
    "tie_ended": {
        "en": "a tie ends for good when its creator leaves the program",
        "he": "שיוך מסתיים לתמיד כשמי ששויך עוזב את התכנית",
    },
    "needs_click": {
        "en": "in this program a code counts only beside a click of the same creator",
        "he": "בתכנית הזאת קוד נחשב רק לצד קליק של אותו יוצר",
    },
    "lower_priority": {"en": "something else comes before it", "he": "דבר אחר קודם לו"},
    "lower_priority_code": {"en": "a code on the order comes before it", "he": "קוד שמופיע בהזמנה קודם לו"},
    "lower_priority_platform": {
        "en": "the platform itself names a creator, and that comes before it",
        "he": "הפלטפורמה עצמה מציינת יוצר, וזה קודם לו",
    },
    "lower_priority_customer": {
        "en": "{where} a creator who brought the customer before comes first",
        "he": "{where} קודם מי שהביא את הלקוח עוד לפני כן",
    },
    "lower_priority_own": {
        "en": "what led to this very order comes before it",
        "he": "מה שהוביל להזמנה הזאת עצמה קודם לו",
    },
    "lower_priority_product": {
        "en": "the SKU is tied as well, and says more than the product",
        "he": "גם המק״ט משויך, והוא אומר יותר מהמוצר",
    },
    "model_share_zero": {
        "en": "{where} others have the whole credit",
        "he": "{where} כל ההזמנה נזקפת לזכות אחרים",
    },
    "model_share_zero_last": MODELS["last"],
    "model_share_zero_first": MODELS["first"],
    "model_share_zero_time_decay": {
        "en": "{where} a share halves every {each_days}, and nothing is left of this one",
        "he": "{where} החלק קטן בחצי בכל {each_days}, ומזה לא נשאר דבר",
    },
    "model_share_zero_named": {
        "en": "the order names another creator before this one",
        "he": "ההזמנה מציינת יוצר אחר לפני זה",
    },
    "product_tied": {
        "en": "every product on the order is tied to a creator, and that comes before it",
        "he": "כל המוצרים בהזמנה משויכים ליוצרים, וזה קודם לו",
    },
    "reassigned": {"en": "the brand has decided whose the order is", "he": "המותג קבע למי נזקפת ההזמנה"},
}
"""Why a candidate lost, after its name and a colon; what it lost to may have words of its own."""

LINE_REASONS: Final[dict[str, Phrase]] = {
    "no_credit": {"en": "nobody is credited with it", "he": "היא אינה נזקפת לזכות איש"},
    "gift_card": {"en": "no commission is paid on gift cards", "he": "אין עמלה על כרטיסי מתנה"},
    "nothing_commissionable": {
        "en": "there is no price on which commission is paid",
        "he": "אין מחיר שמשלמים עליו עמלה",
    },
    "recurring_limit": {
        "en": "the subscription has earned for as long as the terms allow",
        "he": "המינוי כבר זיכה ככל שהתנאים מאפשרים",
    },
    "platform_pays": {
        "en": "the platform pays its creators itself",
        "he": "הפלטפורמה משלמת ליוצרים בעצמה",
    },
    "no_rule": {"en": "no rule fits it", "he": "אף כלל אינו מתאים לה"},
}

CONDITIONS: Final[dict[str, Phrase]] = {
    "skus": {"en": "it is for other SKUs", "he": "הוא למק״טים אחרים"},
    "product_ids": {"en": "it is for other products", "he": "הוא למוצרים אחרים"},
    "collections": {"en": "it is for other collections", "he": "הוא לאוספים אחרים"},
    "tags": {"en": "it is for other tags", "he": "הוא לתגיות אחרות"},
    "creator_ids": {"en": "it is for other creators", "he": "הוא ליוצרים אחרים"},
    "creator_tiers": {"en": "it is for other tiers of creators", "he": "הוא לדרגות אחרות של יוצרים"},
    "countries": {"en": "it is for other countries", "he": "הוא למדינות אחרות"},
    "platforms": {"en": "it is for other platforms", "he": "הוא לפלטפורמות אחרות"},
    "customer": {"en": "it is for other customers", "he": "הוא ללקוחות אחרים"},
    "customer_is_new": {
        "en": "it is for customers who have bought before, and this one is new",
        "he": "הוא ללקוחות שכבר קנו בעבר, והלקוח הזה חדש",
    },
    "customer_is_returning": {
        "en": "it is for new customers, and this one has bought before",
        "he": "הוא ללקוחות חדשים, והלקוח הזה כבר קנה בעבר",
    },
    "order_min": {"en": "the order is too small for it", "he": "ההזמנה קטנה מדי בשבילו"},
    "order_max": {"en": "the order is too large for it", "he": "ההזמנה גדולה מדי בשבילו"},
    "other_currency": {"en": "it is in another currency", "he": "הוא במטבע אחר"},
    "platform_pays": {
        "en": "the platform pays its creators itself, and the rule does not name it",
        "he": "הפלטפורמה משלמת ליוצרים בעצמה, והכלל אינו מציין אותה",
    },
    "tags_unknown": {"en": "nobody has said which tags the product has", "he": "לא נמסר אילו תגיות יש למוצר"},
    "collections_unknown": {
        "en": "nobody has said which collections the product is in",
        "he": "לא נמסר באילו אוספים המוצר נמצא",
    },
    "customer_unknown": {"en": "nobody knows whether the customer is new", "he": "לא ידוע אם הלקוח חדש"},
    "rate_missing": {
        "en": "nobody knows what the order comes to in the currency of the rule",
        "he": "לא ידוע לכמה ההזמנה מגיעה במטבע של הכלל",
    },
}
"""What kept a rule from a line, after the rule and a colon."""

MET: Final[dict[str, Phrase]] = {
    "skus": {"en": "the SKU is {value}", "he": "המק״ט הוא {value}"},
    "product_ids": {"en": "the product is {value}", "he": "המוצר הוא {value}"},
    "collections": {"en": "it is in the collection {value}", "he": "היא באוסף {value}"},
    "tags": {"en": "it has the tag {value}", "he": "יש לה התגית {value}"},
    "creator_ids": {"en": "the rule is for {value}", "he": "הכלל הוא בשביל {value}"},
    "creator_ids_you": {"en": "the rule is for you", "he": "הכלל הוא בשבילך"},
    "creator_tiers": {"en": "the creator's tier is {value}", "he": "דרגת היוצר היא {value}"},
    "creator_tiers_you": {"en": "your tier is {value}", "he": "הדרגה שלך היא {value}"},
    "countries": {"en": "the order goes to {value}", "he": "ההזמנה נשלחת אל {value}"},
    "platforms": {"en": "it was sold by {value}", "he": "היא נמכרה דרך {value}"},
    "customer_new": {"en": "the customer is new", "he": "הלקוח חדש"},
    "customer_returning": {"en": "the customer has bought before", "he": "הלקוח כבר קנה בעבר"},
    "order_min": {
        "en": "the goods on the order come to {value} or more",
        "he": "הסחורה בהזמנה מגיעה ל-{value} או יותר",
    },
    "order_max": {
        "en": "the goods on the order come to {value} or less",
        "he": "הסחורה בהזמנה מגיעה ל-{value} או פחות",
    },
}
"""What a rule asked, and was so; after "because"."""

REWARDS: Final[dict[str, Phrase]] = {
    "percent": {"en": "{percent} of {base}", "he": "{percent} מתוך {base}"},
    "flat_item": {"en": "{flat} for each item", "he": "{flat} לכל פריט"},
    "flat_order": {"en": "the line's part of {flat} for the order", "he": "חלק השורה ב-{flat} להזמנה"},
}
"""What a rule gives that gives something."""

CREDITED: Final[dict[str, Phrase]] = {
    "click": {"en": "{who}: a click on {date}, {age}.", "he": "{who}: קליק ב-{date}, {age}."},
    "click_message": {
        "en": "{who}: a visit by message on {date}, {age}.",
        "he": "{who}: ביקור דרך הודעה ב-{date}, {age}.",
    },
    "code": {"en": "{who}: the order carries the code {evidence}.", "he": "{who}: בהזמנה מופיע הקוד {evidence}."},
    "platform": {
        "en": "{who}: the platform itself names {evidence}.",
        "he": "{who}: הפלטפורמה עצמה מציינת את {evidence}.",
    },
    "customer": {
        "en": "{who}: the customer first came through {whom} on {date}, {age}.",
        "he": "{who}: הלקוח הגיע לראשונה דרך {whom} ב-{date}, {age}.",
    },
    "customer_you": {
        "en": "{who}: the customer first came through you on {date}, {age}.",
        "he": "{who}: הלקוח הגיע לראשונה דרכך ב-{date}, {age}.",
    },
    "product": {"en": "{who}: {evidence} is tied to {whom}.", "he": "{who}: {evidence} משויך אל {whom}."},
    "product_you": {"en": "{who}: {evidence} is tied to you.", "he": "{who}: {evidence} משויך אליך."},
    "decision": {"en": "{who}: the brand said so on {date}.", "he": "{who}: כך קבע המותג ב-{date}."},
}
"""What speaks for a creator, by the kind of touch."""

TOUCHES: Final[dict[str, Phrase]] = {
    "click": {"en": "{owner} click of {date} ({age})", "he": "הקליק {owner} מ-{date} ({age})"},
    "click_message": {
        "en": "{owner} visit by message of {date} ({age})",
        "he": "הביקור {owner} דרך הודעה מ-{date} ({age})",
    },
    "code": {"en": "{owner} code {evidence}", "he": "הקוד {evidence} {owner}"},
    "platform": {"en": "{owner} name {evidence}", "he": "השם {evidence} {owner}"},
    "customer": {"en": "{owner} tie to the customer since {date}", "he": "שיוך הלקוח אל {whom} מ-{date}"},
    "customer_you": {"en": "Your tie to the customer since {date}", "he": "שיוך הלקוח אליך מ-{date}"},
    "product": {"en": "{owner} tie to {evidence}", "he": "השיוך של {evidence} אל {whom}"},
    "product_you": {"en": "Your tie to {evidence}", "he": "השיוך של {evidence} אליך"},
    "decision": {"en": "{owner} part by the brand's word", "he": "החלק {owner} לפי המותג"},
    "click_nobodys": {"en": "The click {evidence}", "he": "הקליק {evidence}"},
    "code_nobodys": {"en": "The code {evidence}", "he": "הקוד {evidence}"},
    "platform_nobodys": {"en": "The name {evidence}", "he": "השם {evidence}"},
    "customer_nobodys": {"en": "The tie of the customer", "he": "השיוך של הלקוח"},
    "product_nobodys": {"en": "The tie of {evidence}", "he": "השיוך של {evidence}"},
    "decision_nobodys": {"en": "The brand's word", "he": "קביעת המותג"},
}
"""What did not count, and whose it is."""

CAUSES: Final[dict[str, Phrase]] = {
    "refunds": {"en": "money was given back to the buyer", "he": "הוחזר כסף לקונה"},
    "refunded": {"en": "the whole order was refunded", "he": "כל ההזמנה הוחזרה"},
    "dispute_lost": {"en": "the buyer's bank took money back", "he": "הבנק של הקונה לקח כסף בחזרה"},
    "adjusted": {"en": "the brand set that commission itself", "he": "המותג קבע את העמלה ההיא בעצמו"},
    "cancelled": {"en": "the order was cancelled", "he": "ההזמנה בוטלה"},
    "rejected": {"en": "the brand rejected the order", "he": "המותג דחה את ההזמנה"},
    "reassigned": TOUCH_REASONS["reassigned"],
    "credited_otherwise": {"en": "the order is credited otherwise now", "he": "ההזמנה נזקפת כעת אחרת"},
}
"""Why something was taken back; after "because"."""

STEPS: Final[dict[str, Phrase]] = {
    "lines": {"en": "Together: {amount}.", "he": "יחד: {amount}."},
    "cap_per_order": {
        "en": "The program pays {most} at most for one order, so {amount} is cut.",
        "he": "התכנית משלמת לכל היותר {most} על הזמנה אחת, ולכן הופחתו {amount}.",
    },
    "recruited": {
        "en": "For having recruited {whom}, {percent} of that commission: {amount} more.",
        "he": "על הגיוס של {whom}, {percent} מהעמלה ההיא: עוד {amount}.",
    },
    "recruited_you": {
        "en": "For having recruited a creator who sold this: {amount} more.",
        "he": "על גיוס של מי שמכר את זה: עוד {amount}.",
    },
    "taken_back": {
        "en": "Taken back, because {causes}: {amount}.",
        "he": "הופחת, כי {causes}: {amount}.",
    },
    "adjusted": {
        "en": "The brand set it to {after} on {date}; it had been {before}.",
        "he": "המותג קבע אותה על {after} ב-{date}; לפני כן היא הייתה {before}.",
    },
    "former": {"en": "It had been {amount}.", "he": "היא הייתה {amount}."},
}

DECISIONS: Final[dict[str, Phrase]] = {
    "hold": {"en": "The brand held the order on {date}.", "he": "המותג עיכב את ההזמנה ב-{date}."},
    "approve": {"en": "The brand approved the order on {date}.", "he": "המותג אישר את ההזמנה ב-{date}."},
    "reject": {"en": "The brand rejected the order on {date}.", "he": "המותג דחה את ההזמנה ב-{date}."},
    "reassign": {
        "en": "The brand gave the order to {whom} on {date}.",
        "he": "המותג זקף את ההזמנה לזכות {whom} ב-{date}.",
    },
    "reassign_you": {
        "en": "The brand gave the order to you on {date}.",
        "he": "המותג זקף את ההזמנה לזכותך ב-{date}.",
    },
    "reassign_other": {
        "en": "The brand gave the order to another creator on {date}.",
        "he": "המותג זקף את ההזמנה לזכות יוצר אחר ב-{date}.",
    },
    "adjust": {
        "en": "The brand set the commission of {whom} on {date}.",
        "he": "המותג קבע את העמלה של {whom} ב-{date}.",
    },
    "adjust_you": {
        "en": "The brand set your commission on {date}.",
        "he": "המותג קבע את העמלה שלך ב-{date}.",
    },
}

REFUNDS: Final[dict[str, Phrase]] = {
    "counted": {"en": "Refund {id} of {date}: {what}.", "he": "החזר {id} מ-{date}: {what}."},
    "failed": {
        "en": "Refund {id} of {date}: {what}. It failed, and takes nothing back.",
        "he": "החזר {id} מ-{date}: {what}. הוא נכשל, ואינו מפחית דבר.",
    },
    "failed_bare": {
        "en": "Refund {id} of {date} failed, and takes nothing back.",
        "he": "החזר {id} מ-{date} נכשל, ואינו מפחית דבר.",
    },
    "unclear": {
        "en": "Refund {id} of {date}: {what}. It is in another currency, and what it means is for the brand to say.",
        "he": "החזר {id} מ-{date}: {what}. הוא במטבע אחר, והמותג צריך לומר מה משמעותו.",
    },
    "approved": {
        "en": "Refund {id} of {date}: {what}. It is in another currency, and the brand has let it pass.",
        "he": "החזר {id} מ-{date}: {what}. הוא במטבע אחר, והמותג אישר אותו.",
    },
}

DISPUTES: Final[dict[str, Phrase]] = {
    "open": {
        "en": "Dispute {id} of {date} about {what}: not decided yet.",
        "he": "מחלוקת {id} מ-{date} על {what}: עוד לא הוכרעה.",
    },
    "lost": {
        "en": "Dispute {id} of {date} about {what}: lost, so the money is gone.",
        "he": "מחלוקת {id} מ-{date} על {what}: הוכרעה לטובת הקונה, והכסף נלקח.",
    },
    "won": {
        "en": "Dispute {id} of {date} about {what}: won, so nothing is taken back.",
        "he": "מחלוקת {id} מ-{date} על {what}: הוכרעה לטובת המותג, ודבר אינו מופחת.",
    },
}

KNOWN_BY: Final[dict[str, Phrase]] = {
    "platform": {"en": "the shop says so", "he": "כך מסרה החנות"},
    "register": {"en": "by the orders that are known here", "he": "לפי ההזמנות הידועות כאן"},
}

PERIODS: Final[dict[str, Phrase]] = {
    "month": {"en": "a month", "he": "חודש"},
    "quarter": {"en": "a quarter", "he": "רבעון"},
    "year": {"en": "a year", "he": "שנה"},
    "lifetime": {"en": "all time", "he": "כל הזמן"},
}

MEASURES: Final[dict[str, Phrase]] = {
    "orders": {"en": "{volume}", "he": "{volume}"},
    "commission": {"en": "{volume} of commission", "he": "{volume} בעמלות"},
    "revenue": {"en": "{volume} of sales", "he": "{volume} במכירות"},
}

PLATFORMS: Final[dict[str, str]] = {
    "shopify": "Shopify",
    "woocommerce": "WooCommerce",
    "tiktok_shop": "TikTok Shop",
    "tiktok": "TikTok",
    "instagram": "Instagram",
    "meta": "Meta",
    "stripe": "Stripe",
    "square": "Square",
    "bigcommerce": "BigCommerce",
}
"""How those who know them write them; the rest are called as we call them."""

TITLES: Final[dict[str, Phrase]] = {
    "credit": {"en": "Who is credited, and why", "he": "למי נזקפת ההזמנה, ולמה"},
    "credit_you": {"en": "Whether you are credited, and why", "he": "האם ההזמנה נזקפת לזכותך, ולמה"},
    "commission": {
        "en": "{owner} commission (terms of {program}, version {version})",
        "he": "העמלה {owner} (תנאי {program}, גרסה {version})",
    },
    "commission_draft": {
        "en": "{owner} commission (draft terms of {program})",
        "he": "העמלה {owner} (טיוטת תנאים של {program})",
    },
    "others": {"en": "All others", "he": "כל האחרים"},
    "nobodys": {"en": "What is nobody's", "he": "מה שאינו נזקף לזכות איש"},
    "since": {"en": "What happened since", "he": "מה קרה מאז"},
}

SENTENCES: Final[dict[str, Phrase]] = {
    "order": {"en": "Order of {moment} ({zone}).", "he": "הזמנה מ-{moment} ({zone})."},
    "order_unknown": {"en": "An order.", "he": "הזמנה."},
    "held": {"en": "The brand holds it.", "he": "המותג מעכב אותה."},
    "customer_new": {"en": "The customer is new: {known_by}.", "he": "הלקוח חדש: {known_by}."},
    "customer_returning": {
        "en": "The customer has bought before: {known_by}.",
        "he": "הלקוח כבר קנה בעבר: {known_by}.",
    },
    "catalogue": {
        "en": "The catalogue can say it for orders to come.",
        "he": "אפשר למסור זאת בקטלוג לקראת ההזמנות הבאות.",
    },
    "no_claims": {"en": "Nothing on the order leads to a creator.", "he": "דבר בהזמנה אינו מוביל ליוצר."},
    "you": {"en": "You", "he": "לזכותך"},
    "not_you": {"en": "It is not credited to you.", "he": "היא אינה נזקפת לזכותך."},
    "not_you_any_more": {"en": "It is no longer credited to you.", "he": "היא אינה נזקפת עוד לזכותך."},
    "nearly_all": {"en": "nearly all", "he": "כמעט הכול"},
    "less_than": {"en": "less than {share}", "he": "פחות מ-{share}"},
    "share_of_rest": {"en": "{share} of what no product tie took", "he": "{share} ממה שאינו משויך לאיש"},
    "model": {"en": "How it is shared: {how}.", "he": "כך היא מתחלקת: {how}."},
    "where_own": {"en": "in this program", "he": "בתכנית הזאת"},
    "where_other": {"en": "by another program's terms", "he": "לפי תנאים של תכנית אחרת"},
    "shared": {"en": "Others are credited with it as well.", "he": "היא נזקפת גם לזכות אחרים."},
    "lost": {"en": "{touch} does not count: {why}.", "he": "{touch} לא נחשב: {why}."},
    "with_platform_commission": {
        "en": "{said} The platform itself pays {amount} for the order.",
        "he": "{said} הפלטפורמה עצמה משלמת {amount} על ההזמנה.",
    },
    "rule": {
        "en": "{what}: {earned}, {how}, because {because} (rule {rule}).",
        "he": "{what}: {earned}, {how}, כי {because} (כלל {rule}).",
    },
    "rule_for_all": {
        "en": "{what}: {earned}, {how} (rule {rule}, for everything).",
        "he": "{what}: {earned}, {how} (כלל {rule}, לכל דבר).",
    },
    "rule_by_level": {
        "en": "{what}: {earned}, {how} (rule {rule}, for everything, at the rate that the volume has reached).",
        "he": "{what}: {earned}, {how} (כלל {rule}, לכל דבר, בשיעור שההיקף הגיע אליו).",
    },
    "rule_of_nothing": {
        "en": "{what}: nothing, because {because} (rule {rule}).",
        "he": "{what}: אין עמלה, כי {because} (כלל {rule}).",
    },
    "rule_of_nothing_for_all": {
        "en": "{what}: nothing (rule {rule}, for everything).",
        "he": "{what}: אין עמלה (כלל {rule}, לכל דבר).",
    },
    "without_tax": {"en": "{base} without tax, {price} with it", "he": "{base} בלי מס, {price} עם מס"},
    "discounted": {"en": "{base}, after a discount of {discount}", "he": "{base}, אחרי הנחה של {discount}"},
    "how_shared": {"en": "a share in {whole}, which is {how}", "he": "חלק ב-{whole}, שהם {how}"},
    "line_nothing": {"en": "{what}: nothing, because {why}.", "he": "{what}: אין עמלה, כי {why}."},
    "line_left": {"en": "{line} After refunds {kept} of it is left.", "he": "{line} אחרי החזרים נשארים מזה {kept}."},
    "line_gone": {"en": "{line} After refunds nothing of it is left.", "he": "{line} אחרי החזרים לא נשאר מזה דבר."},
    "no_lines": {
        "en": "Nothing: product ties took every line for which this program pays.",
        "he": "אין עמלה: כל השורות שהתכנית הזאת משלמת עליהן משויכות ליוצרים.",
    },
    "more_lines": {"en": "{count} more: {amount}.", "he": "עוד {count}: {amount}."},
    "passed_over": {"en": "Rule {rule} does not fit {what}: {why}.", "he": "כלל {rule} אינו מתאים אל {what}: {why}."},
    "passed_over_all": {"en": "Rule {rule} does not fit here: {why}.", "he": "כלל {rule} אינו מתאים כאן: {why}."},
    "converted": {
        "en": "Converted at {rate}, the rate of {date} ({source}).",
        "he": "הומר לפי {rate}, השער מ-{date} ({source}).",
    },
    "volume": {
        "en": "Volume of {period}: {volume}. From {begins} on the rate is {percent}.",
        "he": "ההיקף של {period}: {volume}. החל מ-{begins} השיעור הוא {percent}.",
    },
    "payments": {
        "en": "This is payment {payment} of its subscription, which earns for {payments}.",
        "he": "זה תשלום {payment} של המינוי, שמזכה במשך {payments}.",
    },
    "months": {
        "en": "Its subscription began on {date} and earns for {months}.",
        "he": "המינוי התחיל ב-{date} ומזכה במשך {months}.",
    },
    "payable": {"en": "{net} can be paid out from {moment} on.", "he": "{net} ניתנים לתשלום החל מ-{moment}."},
    "payable_held": {"en": "{net} is held for now.", "he": "{net} מעוכבים לעת עתה."},
    "nothing_left": {"en": "So nothing is left of it.", "he": "לכן לא נשאר ממנה דבר."},
    "cut_already": {
        "en": "Of the commission on what came back, {amount} had been cut already.",
        "he": "מהעמלה על מה שהוחזר, {amount} כבר הופחתו קודם.",
    },
    "cap_per_period": {
        "en": "Orders of {period} earn {most} at most together; that is worked out on the account.",
        "he": "הזמנות של {period} מזכות יחד לכל היותר ב-{most}; זה מחושב בחשבון.",
    },
    "other_commissions": {"en": "{count}: {amount}.", "he": "{count}: {amount}."},
    "with_reason": {"en": "{said} Reason: “{reason}”.", "he": "{said} הסיבה: ״{reason}״."},
    "overruled": {"en": "{said} A later word has taken its place.", "he": "{said} דבר מאוחר יותר בא במקומו."},
    "more": {"en": "And {count} more.", "he": "ועוד {count}."},
    "and": {"en": "{one} and {other}", "he": "{one} וגם {other}"},
    "whole_order": {"en": "the whole order", "he": "כל ההזמנה"},
    "nothing_said": {"en": "without lines or amount", "he": "בלי שורות ובלי סכום"},
    "line": {"en": "line {id}", "he": "שורה {id}"},
    "items_of": {"en": "{count} × {what}", "he": "{count} × {what}"},
    "shipping": {"en": "shipping", "he": "משלוח"},
    "sku": {"en": "the SKU {value}", "he": "המק״ט {value}"},
    "product": {"en": "the product {value}", "he": "המוצר {value}"},
    "handle": {"en": "{handle} on {platform}", "he": "{handle} ב-{platform}"},
    "owner": {"en": "{whom}'s", "he": "של {whom}"},
    "owner_you": {"en": "Your", "he": "שלך"},
    "before": {"en": "{age} before the order", "he": "{age} לפני ההזמנה"},
    "after": {"en": "{age} after the order", "he": "{age} אחרי ההזמנה"},
    "at_order": {"en": "at the time of the order", "he": "בזמן ההזמנה"},
    "date": {"en": "{day} {month} {year}", "he": "{day} ב{month} {year}"},
    "month": {"en": "{month} {year}", "he": "{month} {year}"},
    "quarter": {"en": "quarter {number} of {year}", "he": "רבעון {number} של {year}"},
}

COUNTS: Final[dict[str, dict[Language, tuple[str, ...]]]] = {
    "minutes": {"en": ("1 minute", "{n} minutes"), "he": ("דקה אחת", "שתי דקות", "{n} דקות")},
    "hours": {"en": ("1 hour", "{n} hours"), "he": ("שעה אחת", "שעתיים", "{n} שעות")},
    "days": {"en": ("1 day", "{n} days"), "he": ("יום אחד", "יומיים", "{n} ימים")},
    "each_days": {"en": ("day", "{n} days"), "he": ("יום", "יומיים", "{n} ימים")},
    "months": {"en": ("1 month", "{n} months"), "he": ("חודש אחד", "חודשיים", "{n} חודשים")},
    "items": {"en": ("1 item", "{n} items"), "he": ("פריט אחד", "שני פריטים", "{n} פריטים")},
    "lines": {"en": ("1 line", "{n} lines"), "he": ("שורה אחת", "שתי שורות", "{n} שורות")},
    "orders": {"en": ("1 order", "{n} orders"), "he": ("הזמנה אחת", "שתי הזמנות", "{n} הזמנות")},
    "payments": {"en": ("1 payment", "{n} payments"), "he": ("תשלום אחד", "שני תשלומים", "{n} תשלומים")},
    "creators": {"en": ("1 creator", "{n} creators"), "he": ("יוצר אחד", "שני יוצרים", "{n} יוצרים")},
}
"""How many: a form for one, in Hebrew another for two, and the last for all other numbers."""

MONTHS: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    "he": (
        *("ינואר", "פברואר", "מרץ", "אפריל", "מאי", "יוני"),
        *("יולי", "אוגוסט", "ספטמבר", "אוקטובר", "נובמבר", "דצמבר"),
    ),
}
