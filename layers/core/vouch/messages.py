"""The words of every answer that refuses something, in English and Hebrew, by code: a title and, under it, a detail."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

Language = Literal["en", "he"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "he")
Words = dict[Language, tuple[str, str]]

PROBLEMS: dict[str, Words] = {
    "invalid_request": {
        "en": ("The request cannot be read", "Something in it is missing or is not of the right kind; see `errors`."),
        "he": ("לא ניתן לקרוא את הבקשה", "משהו בה חסר או אינו מהסוג הנכון; ראו `errors`."),
    },
    "invalid_json": {
        "en": ("The body is not JSON", "One JSON object in UTF-8 is wanted, each name once, with plain numbers."),
        "he": ("גוף הבקשה אינו JSON", "הגוף חייב להיות אובייקט JSON אחד ב-UTF-8, כל שם פעם אחת, עם מספרים רגילים."),
    },
    "unknown_field": {
        "en": ("Unknown field", "The body has a field that this route does not take; see `errors`."),
        "he": ("שדה לא מוכר", "בגוף הבקשה יש שדה שהנתיב אינו מקבל; ראו `errors`."),
    },
    "one_of_two": {
        "en": ("One of the two", "Say either `{one}` or `{other}`."),
        "he": ("אחד מהשניים", "יש לציין `{one}` או `{other}`."),
    },
    "invalid_cursor": {
        "en": (
            "The cursor is not valid here",
            "A cursor goes back unchanged to the list and filters that it came from.",
        ),
        "he": ("הסמן אינו תקף כאן", "סמן מוחזר ללא שינוי לרשימה ולמסננים שמהם הגיע."),
    },
    "invalid_idempotency_key": {
        "en": ("The Idempotency-Key is not valid", "It has 1 to 255 visible ASCII characters."),
        "he": ("המפתח Idempotency-Key אינו תקף", "אורכו 1 עד 255 תווי ASCII נראים."),
    },
    "idempotency_key_required": {
        "en": (
            "An Idempotency-Key is required",
            "What moves money is asked for under a key, so that a repeat moves none.",
        ),
        "he": ("נדרש Idempotency-Key", "בקשה שמזיזה כסף נשלחת עם מפתח, כדי שחזרה עליה לא תזיז כסף שוב."),
    },
    "unauthenticated": {
        "en": ("Who is asking?", "Send a valid key: `Authorization: Bearer …`."),
        "he": ("מי שואל?", "יש לשלוח מפתח תקף: `Authorization: Bearer …`."),
    },
    "forbidden": {
        "en": ("Not allowed", "This credential does not reach this far."),
        "he": ("אין הרשאה", "ההרשאה הזאת אינה מגיעה עד לכאן."),
    },
    "scope_missing": {
        "en": ("The key lacks a scope", "This route needs the scope `{scope}`."),
        "he": ("למפתח חסרה הרשאה", "הנתיב דורש את ההרשאה `{scope}`."),
    },
    "scope_exceeded": {
        "en": ("More than the key may give", "A key can grant and revoke what it may do itself: not `{scope}`."),
        "he": ("יותר ממה שהמפתח רשאי לתת", "מפתח יכול להעניק או לבטל רק הרשאות שיש לו עצמו: לא `{scope}`."),
    },
    "not_a_test_brand": {
        "en": ("Not a test brand", "Only a brand in test mode has a clock that can be moved."),
        "he": ("לא מותג לניסוי", "רק למותג במצב ניסוי יש שעון שאפשר להזיז."),
    },
    "not_found": {
        "en": ("Not found", "There is no such thing here."),
        "he": ("לא נמצא", "אין כאן דבר כזה."),
    },
    "method_not_allowed": {
        "en": ("Method not allowed", "This path answers {allow}."),
        "he": ("הפעולה אינה נתמכת", "הנתיב הזה עונה ל-{allow}."),
    },
    "conflict": {
        "en": ("Something stands against it", "What exists already does not let this happen."),
        "he": ("משהו עומד נגד זה", "מה שכבר קיים אינו מאפשר זאת."),
    },
    "idempotency_running": {
        "en": ("Still running", "A request with this Idempotency-Key is being worked on; ask again shortly."),
        "he": ("עדיין בביצוע", "בקשה עם אותו Idempotency-Key מטופלת עכשיו; נסו שוב עוד מעט."),
    },
    "idempotency_mismatch": {
        "en": ("Another request under the same key", "This Idempotency-Key belongs to a request with another body."),
        "he": ("בקשה אחרת תחת אותו מפתח", "ה-Idempotency-Key הזה שייך לבקשה עם גוף אחר."),
    },
    "payout_not_in_time": {
        "en": ("The payout is past that, or not yet there", "Its status is `{status}`."),
        "he": ("התשלום כבר אינו שם, או עדיין לא", "מצבו `{status}`."),
    },
    "payout_settled_otherwise": {
        "en": ("The payout was settled under another reference", "It is {reference}."),
        "he": ("התשלום הושלם תחת אסמכתה אחרת", "האסמכתה היא {reference}."),
    },
    "payout_failed_otherwise": {
        "en": ("Another reason was given why the payout failed or came back", "It is: {reason}."),
        "he": ("ניתנה סיבה אחרת לכישלון התשלום או לחזרתו", "הסיבה היא: {reason}."),
    },
    "payout_told_by_rail": {
        "en": (
            "The rail says what becomes of this payout",
            "As long as {rail} may still tell, nobody else's word counts.",
        ),
        "he": ("אמצעי התשלום אומר מה עלה בגורל התשלום", "כל עוד {rail} עשוי עוד לומר זאת, מילה של אחר אינה קובעת."),
    },
    "own_adjustment": {
        "en": ("Another key has to decide this", "Whoever asked for it does not approve or decline it."),
        "he": ("נדרשת החלטה של מפתח אחר", "מי שביקש את השינוי אינו מאשר ואינו דוחה אותו."),
    },
    "adjustment_decided": {
        "en": ("It was decided before", "It is {status}."),
        "he": ("כבר הוחלט על כך", "מצבו {status}."),
    },
    "already_reversed": {
        "en": ("It was taken back before", "{correction} takes it back, or waits for an approval to do so."),
        "he": ("כבר בוטל", "{correction} מבטל את זה, או ממתין לאישור כדי לבטל."),
    },
    "not_reversible": {
        "en": (
            "There is nothing to take back",
            "Only an adjustment or a write-off that is posted can be taken back; after a correction, adjust anew.",
        ),
        "he": ("אין מה לבטל", "רק התאמה או מחיקת חוב שנרשמו ניתנות לביטול; במקום לבטל תיקון, רשמו התאמה חדשה."),
    },
    "nothing_owed": {
        "en": ("There is nothing to forgive", "What is available to this creator in {currency} is not below zero."),
        "he": ("אין חוב למחוק", "היתרה הזמינה של היוצר ב-{currency} אינה שלילית."),
    },
    "statement_line_differs": {
        "en": ("This line said something else before", "`{line}` is known, and what a rail states does not change."),
        "he": ("השורה הזאת אמרה קודם משהו אחר", "`{line}` כבר מוכרת, ומה שנמסר בדף החשבון אינו משתנה."),
    },
    "run_already_sent": {
        "en": (
            "The run has been sent",
            "Its status is `{status}`. What you did not pay of a file, you can still mark as failed, payout by payout.",
        ),
        "he": ("סבב התשלומים כבר נשלח", "מצבו `{status}`. תשלום מתוך קובץ שלא שולם עדיין אפשר לסמן כנכשל."),
    },
    "file_not_found": {
        "en": (
            "The run has no such file",
            "A file is written by a run that pays over a rail of files, and by no dry run.",
        ),
        "he": ("לסבב אין קובץ כזה", "קובץ נכתב על ידי סבב שמשלם באמצעי תשלום של קבצים, ולא בהרצה יבשה."),
    },
    "file_expired": {
        "en": (
            "The file is not kept any more",
            "Files are kept for as long as the operator has set, ten years at first.",
        ),
        "he": ("הקובץ כבר לא נשמר", "קבצים נשמרים לפי קביעת המפעיל, בתחילה עשר שנים."),
    },
    "file_not_yet_written": {
        "en": ("The file is not written yet", "The run is {status}; ask again in a moment."),
        "he": ("הקובץ עדיין לא נכתב", "הסבב במצב {status}; אפשר לנסות שוב עוד רגע."),
    },
    "file_ambiguous": {
        "en": ("Which of the files?", "The run has written: {files}. Say `rail`, `currency` and `part`."),
        "he": ("איזה מהקבצים?", "הסבב כתב: {files}. יש לציין `rail`, `currency` ו-`part`."),
    },
    "slug_taken": {
        "en": ("The slug is taken", "A slug that was used once belongs to its link for ever."),
        "he": ("הכינוי תפוס", "כינוי שנעשה בו שימוש שייך לקישור שלו לתמיד."),
    },
    "slug_reserved": {
        "en": ("The slug is reserved", "This word is kept for Vouch's own pages."),
        "he": ("הכינוי שמור", "המילה הזאת שמורה לדפים של Vouch."),
    },
    "too_many_slugs": {
        "en": ("Too many slugs", "A link keeps every slug that it has had, and can have {most}."),
        "he": ("יותר מדי כינויים", "קישור שומר כל כינוי שהיה לו, ויכולים להיות לו {most}."),
    },
    "link_deleted": {
        "en": ("The link is deleted", "A deleted link does not come back; make a new one."),
        "he": ("הקישור נמחק", "קישור שנמחק אינו חוזר; צרו קישור חדש."),
    },
    "code_taken": {
        "en": ("The code is taken", "Another creator holds this code at that time; end their period first."),
        "he": ("הקוד תפוס", "יוצר אחר מחזיק בקוד הזה באותו זמן; סיימו קודם את התקופה שלו."),
    },
    "handle_taken": {
        "en": ("The handle is taken", "Another creator of this brand has this name on that platform."),
        "he": ("שם המשתמש תפוס", "ליוצר אחר של המותג יש השם הזה באותה פלטפורמה."),
    },
    "product_taken": {
        "en": (
            "The product is taken",
            "`{product}` is tied to another creator, or to this one in another program; end that tie first.",
        ),
        "he": ("המוצר תפוס", "`{product}` משויך ליוצר אחר, או ליוצר הזה בתכנית אחרת; סיימו קודם את השיוך ההוא."),
    },
    "rate_fixed": {
        "en": ("The rate is fixed", "This source gave another rate for that moment, and a rate never changes."),
        "he": ("השער כבר נקבע", "המקור הזה נתן שער אחר לאותו מועד, ושער אינו משתנה."),
    },
    "email_taken": {
        "en": ("The address is taken", "Another creator of this brand has this e-mail address."),
        "he": ("הכתובת תפוסה", "ליוצר אחר של המותג יש כתובת הדוא״ל הזאת."),
    },
    "already_enrolled": {
        "en": ("Already enrolled", "This creator has an enrolment in this program; change that one: {id}."),
        "he": ("כבר רשום", "ליוצר הזה יש רישום בתכנית הזאת; שנו אותו: {id}."),
    },
    "host_of_connection": {
        "en": ("A connection's shop", "The shop of a connection is always allowed."),
        "he": ("חנות של חיבור", "החנות של חיבור תמיד מותרת."),
    },
    "stale_version": {
        "en": (
            "Changed in the meantime",
            '`If-Match` does not name the current version; read it again. A version stands in quotes, such as `"3"`.',
        ),
        "he": (
            "השתנה בינתיים",
            '`If-Match` אינו מציין את הגרסה הנוכחית; קראו אותה שוב. גרסה נכתבת במירכאות, כגון `"3"`.',
        ),
    },
    "too_large": {
        "en": ("Too large", "The body may have {limit} bytes."),
        "he": ("גדול מדי", "הגוף יכול להכיל {limit} בתים."),
    },
    "unsupported_media_type": {
        "en": ("Not a content type that is read here", "Send `Content-Type: application/json`."),
        "he": ("סוג תוכן שאינו נקרא כאן", "יש לשלוח `Content-Type: application/json`."),
    },
    "unprocessable": {
        "en": ("Not possible", "The request is well formed, but breaks a rule."),
        "he": ("לא אפשרי", "הבקשה תקינה בצורתה, אך מפרה כלל."),
    },
    "currency_mismatch": {
        "en": ("Another currency", "The program pays in {expected}; this says {found}."),
        "he": ("מטבע אחר", "התכנית משלמת ב-{expected}; כאן כתוב {found}."),
    },
    "empty_range": {
        "en": ("An empty range", "The lower bound is above the upper one."),
        "he": ("טווח ריק", "הגבול התחתון גבוה מהעליון."),
    },
    "rule_never_reached": {
        "en": (
            "A rule that never pays",
            "Whatever this rule matches, rule {earlier} matches first. Move it above rule {earlier}, or take it out.",
        ),
        "he": (
            "כלל שלעולם לא ישלם",
            "כל שורה שהכלל הזה תופס, כלל {earlier} תופס לפניו. העבירו אותו לפני כלל {earlier}, או הסירו אותו.",
        ),
    },
    "tiers_need_rule": {
        "en": (
            "Nothing for the tiers to rate",
            "Tiers set the rate of the rule with an empty `match`. Add one, with a `percent` reward, as the last rule.",
        ),
        "he": (
            "למדרגות אין על מה לחול",
            "המדרגות קובעות את השיעור של הכלל שה-`match` שלו ריק. הוסיפו כלל כזה, עם תגמול `percent`, בסוף הכללים.",
        ),
    },
    "levels_not_ascending": {
        "en": ("Levels go upwards", "Each level begins above the one before it, which begins at {before}."),
        "he": ("המדרגות עולות", "כל מדרגה מתחילה מעל הקודמת לה, שמתחילה ב-{before}."),
    },
    "bonus_repeated": {
        "en": ("Two bonuses with one id", "Bonus {earlier} has this id; give each bonus one of its own."),
        "he": ("שני בונוסים עם אותו מזהה", "לבונוס {earlier} יש את המזהה הזה; תנו לכל בונוס מזהה משלו."),
    },
    "effective_in_past": {
        "en": ("In the past", "Nothing can begin or end before now, {now}."),
        "he": ("בעבר", "דבר אינו יכול להתחיל או להסתיים לפני עכשיו, {now}."),
    },
    "terms_too_large": {
        "en": (
            "Too much for one version",
            "These are {found} bytes of JSON, of {most}; rules may name a tag or collection instead of its products.",
        ),
        "he": (
            "יותר מדי לגרסה אחת",
            "אלה {found} בתים של JSON מתוך {most}; כללים יכולים לציין תגית או אוסף במקום את המוצרים שבהם.",
        ),
    },
    "too_many": {
        "en": ("Too many", "There can be {most} of these."),
        "he": ("יותר מדי", "יכולים להיות {most} כאלה."),
    },
    "too_many_at_once": {
        "en": ("Too many at once", "{most} of these can run at once; when one has ended, the next can begin."),
        "he": ("יותר מדי בבת אחת", "אפשר להריץ {most} כאלה במקביל; כשאחת תסתיים, הבאה תוכל להתחיל."),
    },
    "destination_not_allowed": {
        "en": ("Not a destination for this brand", "A link leads to `https` on a host of this brand; see /v1/domains."),
        "he": ("לא יעד של המותג", "קישור מוביל ל-`https` באתר של המותג; ראו /v1/domains."),
    },
    "not_a_host": {
        "en": ("Not a host name", "Give a public host name such as `shop.example.com`, without scheme, port or path."),
        "he": ("לא שם של אתר", "יש לתת שם אתר ציבורי כמו `shop.example.com`, בלי פרוטוקול, פורט או נתיב."),
    },
    "address_not_allowed": {
        "en": (
            "Not an address that is called from here",
            "Give `https` and a public host, without user, port or query.",
        ),
        "he": ("לא כתובת שפונים אליה מכאן", "יש לתת `https` ושם אתר ציבורי, בלי משתמש, פורט או שאילתה."),
    },
    "not_a_code": {
        "en": ("Not a code", "A code has 1 to {most} characters once trimmed."),
        "he": ("לא קוד", "בקוד יש 1 עד {most} תווים אחרי הסרת רווחים."),
    },
    "platform_not_supported": {
        "en": ("Not a platform that is connected yet", "These are: {platforms}."),
        "he": ("פלטפורמה שעוד אינה מחוברת", "אלה מחוברות: {platforms}."),
    },
    "secret_not_usable": {
        "en": ("Not a secret of this platform", "No signature can be proven by it; copy it whole from the platform."),
        "he": ("לא סוד של הפלטפורמה הזאת", "לא ניתן לאמת בו אף חתימה; יש להעתיק אותו בשלמותו מהפלטפורמה."),
    },
    "setting_missing": {
        "en": ("A setting is missing", "A connection to {platform} needs it; the platform's own page shows it."),
        "he": ("חסרה הגדרה", "חיבור אל {platform} זקוק לה; היא מופיעה בדף של הפלטפורמה עצמה."),
    },
    "unknown_currency": {
        "en": ("No such currency", "Currencies go by their three letters of ISO 4217, like `ILS`."),
        "he": ("אין מטבע כזה", "מטבע נכתב בשלוש אותיות לפי ISO 4217, כמו `ILS`."),
    },
    "rail_unknown": {
        "en": ("No such rail", "These are known: {rails}."),
        "he": ("אין דרך תשלום כזאת", "אלה מוכרות: {rails}."),
    },
    "rail_unfit_for_currency": {
        "en": ("The rail does not carry the currency", "Nobody can be paid {currency} by {rail}; choose another rail."),
        "he": ("דרך התשלום אינה נושאת את המטבע", "לא ניתן לשלם {currency} דרך {rail}; בחרו דרך אחרת."),
    },
    "rail_not_set_up": {
        "en": ("The rail is not set up", "{rail} needs your own account there first: `PUT /v1/payout_rails/{rail}`."),
        "he": ("דרך התשלום עוד לא הוגדרה", "ב-{rail} נדרש קודם חשבון משלכם: `PUT /v1/payout_rails/{rail}`."),
    },
    "rail_setting_missing": {
        "en": ("A setting is missing", "{rail} needs it."),
        "he": ("חסרה הגדרה", "{rail} זקוק לה."),
    },
    "rail_secret_missing": {
        "en": (
            "A secret is missing",
            "{rail} needs it. It is given again when the address that it is sent to changes.",
        ),
        "he": ("חסר סוד", "{rail} זקוק לו. הוא נמסר מחדש כשהכתובת שאליה הוא נשלח משתנה."),
    },
    "rail_setting_unknown": {
        "en": ("No such setting", "{rail} has no setting of this name."),
        "he": ("אין הגדרה כזאת", "ב-{rail} אין הגדרה בשם הזה."),
    },
    "rail_setting_not_one_of": {
        "en": ("Not a setting to work with", "{rail} takes here: {allowed}."),
        "he": ("הגדרה לא תקינה", "{rail} מקבל כאן: {allowed}."),
    },
    "rail_setting_not_valid": {
        "en": ("Not a setting to work with", "This is not what {rail} wants here; is it whole, and without a slip?"),
        "he": ("הגדרה לא תקינה", "זה אינו מה ש-{rail} מצפה לו כאן; האם הערך שלם וללא טעות?"),
    },
    "live_account_in_test_brand": {
        "en": ("A test brand moves no money", "This is a live account of {rail}; a test brand takes a sandbox's."),
        "he": ("מותג בדיקה אינו מעביר כסף", "זה חשבון אמיתי ב-{rail}; מותג בדיקה מקבל חשבון של סביבת הבדיקה שם."),
    },
    "sandbox_account_in_live_brand": {
        "en": ("Nobody would be paid", "This is an account of {rail}'s sandbox; a live brand takes a live one."),
        "he": ("איש לא יקבל כסף", "זה חשבון של סביבת הבדיקה ב-{rail}; מותג פעיל מקבל חשבון אמיתי."),
    },
    "status_not_possible": {
        "en": ("Not from here", "What is {status} cannot become {wanted}."),
        "he": ("לא מכאן", "מה שמצבו {status} אינו יכול להפוך ל-{wanted}."),
    },
    "mutual_recruiters": {
        "en": ("Nobody recruits who recruited them", "That creator is recruited by this one; end that first."),
        "he": ("אין יוצר שמגייס את מי שגייס אותו", "היוצר ההוא גויס בידי היוצר הזה; סיימו קודם את הגיוס ההוא."),
    },
    "own_recruiter": {
        "en": ("Nobody recruits themselves", "Name another creator of this brand."),
        "he": ("אין יוצר שמגייס את עצמו", "יש לציין יוצר אחר של המותג."),
    },
    "changed_too_often": {
        "en": ("Changed too often", "Every change is kept for the orders of its day, and there can be {most}."),
        "he": ("יותר מדי שינויים", "כל שינוי נשמר עבור ההזמנות של יומו, ויכולים להיות {most}."),
    },
    "email_changed_too_often": {
        "en": ("Changed too often", "An address may change {most} times in ninety days."),
        "he": ("יותר מדי שינויים", "אפשר לשנות כתובת {most} פעמים בתשעים ימים."),
    },
    "payout_method_changed_too_often": {
        "en": ("Changed too often", "A payout method may change {most} times in 72 hours."),
        "he": ("יותר מדי שינויים", "אפשר לשנות אמצעי תשלום {most} פעמים ב-72 שעות."),
    },
    "payout_method_missing": {
        "en": ("No payout method yet", "This creator has not said where their money goes."),
        "he": ("אין עדיין אמצעי תשלום", "היוצר הזה עוד לא אמר לאן להעביר את כספו."),
    },
    "invalid_iban": {
        "en": ("Not an IBAN", "Its country, its length or its check digits are not an IBAN's; was a digit mistyped?"),
        "he": ("זה אינו IBAN", "המדינה, האורך או ספרות הביקורת אינם של IBAN; בדקו אם נפלה טעות בהקלדה."),
    },
    "invalid_bic": {
        "en": ("Not a BIC", "A BIC has 8 or 11 letters and digits; it may be left out."),
        "he": ("זה אינו BIC", "ב-BIC יש 8 או 11 אותיות וספרות; אפשר להשמיט אותו."),
    },
    "invalid_bank_account": {
        "en": (
            "No such account",
            "By the bank's own rule no account has these numbers; look at bank, branch and account.",
        ),
        "he": ("אין חשבון כזה", "לפי הכלל של הבנק אין חשבון עם המספרים האלה; בדקו את הבנק, הסניף והחשבון."),
    },
    "invalid_id_number": {
        "en": ("Not an identity number", "It has up to 9 digits, and the last one checks the others."),
        "he": ("זה אינו מספר זהות", "עד 9 ספרות, והאחרונה היא ספרת ביקורת."),
    },
    "invalid_stripe_account": {
        "en": ("Not a Stripe account", "The id of a connected account begins with `acct_`."),
        "he": ("זה אינו חשבון Stripe", "מזהה של חשבון מקושר מתחיל ב-`acct_`."),
    },
    "invalid_holder_name": {
        "en": ("Not a name", "An account holder's name is one line with a letter in it, at most {most} characters."),
        "he": ("זה אינו שם", "שם בעל החשבון הוא שורה אחת שיש בה אות, באורך {most} תווים לכל היותר."),
    },
    "holder_name_not_latin": {
        "en": (
            "The name in Latin letters",
            "Banks abroad read no others: the name as the account's bank has it, at most {most} characters.",
        ),
        "he": (
            "השם באותיות לטיניות",
            "בנקים בחו״ל אינם קוראים אחרות: שם בעל החשבון כפי שהוא רשום בבנק, עד {most} תווים.",
        ),
    },
    "same_currency": {
        "en": ("The same currency", "A rate is between two different currencies."),
        "he": ("אותו מטבע", "שער הוא בין שני מטבעות שונים."),
    },
    "not_active_yet": {
        "en": ("Not active yet", "Only an active enrolment has a day from which it is active."),
        "he": ("עוד לא פעיל", "רק לרישום פעיל יש יום שממנו הוא פעיל."),
    },
    "creator_not_active_yet": {
        "en": ("The creator is not active yet", "This creator is active from {since}; say that moment or a later one."),
        "he": ("היוצר עוד לא פעיל", "היוצר הזה פעיל מ-{since}; יש לציין מועד זה או מאוחר ממנו."),
    },
    "clock_backwards": {
        "en": ("A clock only moves forward", "The brand's clock stands at {now}."),
        "he": ("שעון נע רק קדימה", "שעון המותג עומד על {now}."),
    },
    "statement_too_long": {
        "en": ("More than a sheet holds", "As CSV a statement has {most} entries at most; ask for a shorter range."),
        "he": ("יותר ממה שגיליון מכיל", "כ-CSV יש בדוח לכל היותר {most} שורות; בקשו טווח קצר יותר."),
    },
    "not_reconcilable": {
        "en": ("Nothing to ask it", "{platform} lists no changes; it tells by webhooks alone."),
        "he": ("אין מה לשאול אותה", "אין בידינו רשימת שינויים של {platform}; היא מדווחת בהתראות בלבד."),
    },
    "api_token_missing": {
        "en": (
            "The connection has no token",
            "Give it an `api_token`: the platform's page says which rights it needs.",
        ),
        "he": ("לחיבור אין אסימון", "יש לתת לו `api_token`; בדף של הפלטפורמה כתוב אילו הרשאות נדרשות."),
    },
    "connection_disabled": {
        "en": ("The connection is disabled", "Nothing comes in by it; make it active first."),
        "he": ("החיבור מושבת", "דבר אינו נכנס דרכו; יש להפעיל אותו תחילה."),
    },
    "since_out_of_range": {
        "en": ("Not a time to begin at", "`since` lies in the past, {days} days at most."),
        "he": ("אי אפשר להתחיל מכאן", "`since` הוא מועד בעבר, עד {days} ימים לאחור."),
    },
    "simulation_not_done": {
        "en": ("There is no result yet", "The simulation is {status}; only one that is `done` can be had as a table."),
        "he": ("אין עדיין תוצאה", "מצב הסימולציה הוא {status}; רק סימולציה שהסתיימה (`done`) ניתנת כטבלה."),
    },
    "simulation_too_long": {
        "en": (
            "Too many rows",
            "A table has at most {most} rows; read the result page by page, or try a shorter range.",
        ),
        "he": (
            "יותר מדי שורות",
            "בטבלה יש לכל היותר {most} שורות; קראו את התוצאה עמוד אחר עמוד, או נסו טווח קצר יותר.",
        ),
    },
    "awaiting_volume": {
        "en": (
            "The volume is not known yet",
            "The period that sets its tier is not over, or has too many orders to count here; a simulation can.",
        ),
        "he": (
            "הנפח עדיין לא ידוע",
            "התקופה שקובעת את הדרגה של ההזמנה טרם הסתיימה, או שיש בה יותר מדי הזמנות לספירה כאן; סימולציה יכולה לספור.",
        ),
    },
    "invalid_order": {
        "en": ("That is no order", "It cannot be read as an order, or as what became of one."),
        "he": ("זו אינה הזמנה", "לא ניתן לקרוא זאת כהזמנה או כמה שקרה לה."),
    },
    "duplicate_line": {
        "en": ("Two lines with one id", "Another line of the order has this id; refunds name lines by theirs."),
        "he": ("שתי שורות עם אותו מזהה", "לשורה אחרת בהזמנה יש את המזהה הזה; החזרים מציינים שורות לפי המזהה שלהן."),
    },
    "discount_above_price": {
        "en": ("More discount than price", "The discount is more than quantity times price."),
        "he": ("הנחה גדולה מהמחיר", "ההנחה גדולה מהכמות כפול המחיר."),
    },
    "tax_above_amount": {
        "en": ("More tax than amount", "The tax is more than the `amount` that it is in or on."),
        "he": ("מס גדול מהסכום", "המס גדול מה-`amount` שהוא כלול בו או נוסף עליו."),
    },
    "refund_of_nothing": {
        "en": ("A refund of nothing", "Say which `lines`, or what `amount`; only one that `failed` needs neither."),
        "he": ("החזר של כלום", "יש לציין אילו `lines` או איזה `amount`; רק החזר שנכשל (`failed`) אינו צריך אותם."),
    },
    "amount_out_of_range": {
        "en": ("Too great an amount", "Amounts, and what they come to together, are below 10^15 minor units."),
        "he": ("סכום גדול מדי", "סכומים, ומה שיוצא מהם יחד, קטנים מ-10^15 יחידות משנה."),
    },
    "from_the_future": {
        "en": ("Dated ahead", "Nothing may be dated more than a day ahead of its arrival."),
        "he": ("תאריך עתידי", "דבר אינו יכול לשאת תאריך של יותר מיממה אחרי הגעתו."),
    },
    "unknown_line": {
        "en": ("No such line", "The order has no line with this id."),
        "he": ("אין שורה כזאת", "אין בהזמנה שורה עם המזהה הזה."),
    },
    "order_unknown_yet": {
        "en": ("The order itself is not known yet", "So far only what became of it is; wait for the order."),
        "he": ("ההזמנה עצמה עוד אינה ידועה", "עד כה ידוע רק מה קרה לה; המתינו להזמנה."),
    },
    "not_enrolled": {
        "en": ("Never a member", "This creator was never active there, so no terms say what they earn."),
        "he": ("מעולם לא היה חבר", "היוצר הזה מעולם לא היה פעיל שם, ולכן אין תנאים שקובעים כמה ירוויח."),
    },
    "no_terms": {
        "en": ("No terms on that day", "The program had no terms yet when the order was placed, {placed_at}."),
        "he": ("אין תנאים ליום הזה", "לתכנית עוד לא היו תנאים כשההזמנה בוצעה, {placed_at}."),
    },
    "rate_missing": {
        "en": (
            "An exchange rate is missing",
            "There is none from {currency} to {wanted} of the week before the order.",
        ),
        "he": ("חסר שער חליפין", "אין שער מ-{currency} ל-{wanted} מהשבוע שלפני ההזמנה."),
    },
    "placed_at_changed": {
        "en": ("An order keeps its birth", "It was placed at {known}, and this says {said}."),
        "he": ("מועד ההזמנה אינו משתנה", "היא בוצעה ב-{known}, וכאן כתוב {said}."),
    },
    "bad_signature": {
        "en": ("Not signed as agreed", "The signature is missing, too old, or does not fit what is set up here."),
        "he": ("החתימה אינה תקפה", "החתימה חסרה, ישנה מדי, או אינה מתאימה למה שהוגדר כאן."),
    },
    "wrong_verify_token": {
        "en": ("Not asked as agreed", "The question is not a subscription, or its token is not this connection's."),
        "he": ("השאלה אינה כמוסכם", "זו אינה בקשת הרשמה, או שהאסימון אינו זה של החיבור הזה."),
    },
    "invalid_body": {
        "en": ("The body cannot be read", "It is neither plain text nor base64."),
        "he": ("לא ניתן לקרוא את גוף הבקשה", "הוא אינו טקסט רגיל ואינו base64."),
    },
    "unavailable": {
        "en": ("Not just now", "Something that we need does not answer; the same request may succeed in a moment."),
        "he": ("לא ברגע זה", "משהו שאנו צריכים אינו עונה; אותה בקשה עשויה להצליח עוד רגע."),
    },
    "internal": {
        "en": ("Our fault", "Something broke on our side. Tell us the request's id if it stays so."),
        "he": ("תקלה שלנו", "משהו נשבר אצלנו. אם זה נמשך, מסרו לנו את מזהה הבקשה."),
    },
}

FIELDS: dict[str, dict[Language, str]] = {
    "missing": {"en": "This is required.", "he": "שדה חובה."},
    "unknown_field": {"en": "There is no such field here.", "he": "אין כאן שדה כזה."},
    "wrong_type": {"en": "This should be {wanted}.", "he": "כאן צריך להיות {wanted}."},
    "too_short": {"en": "This is too short: at least {least}.", "he": "קצר מדי: לפחות {least}."},
    "too_long": {"en": "This is too long: at most {most}.", "he": "ארוך מדי: לכל היותר {most}."},
    "too_many_bytes": {
        "en": "This is too long: at most {most} bytes of UTF-8.",
        "he": "ארוך מדי: לכל היותר {most} בתים ב-UTF-8.",
    },
    "zero": {"en": "This cannot be 0.", "he": "זה אינו יכול להיות 0."},
    "too_small": {"en": "This is below {least}.", "he": "זה קטן מ-{least}."},
    "too_great": {"en": "This is above {most}.", "he": "זה גדול מ-{most}."},
    "not_one_of": {"en": "This is none of {expected}.", "he": "זה אינו אחד מ-{expected}."},
    "wrong_shape": {"en": "This is not written as it should be.", "he": "זה אינו כתוב כנדרש."},
    "wrong_pattern": {"en": "This does not match `{pattern}`.", "he": "זה אינו תואם את `{pattern}`."},
    "unknown_currency": {"en": "No such ISO 4217 currency.", "he": "אין מטבע ISO 4217 כזה."},
    "unknown_scope": {
        "en": "There is no such scope; these are: {scopes}.",
        "he": "אין הרשאה כזאת; אלה קיימות: {scopes}.",
    },
    "not_an_email": {"en": "This is not an e-mail address.", "he": "זו אינה כתובת דוא״ל."},
    "not_a_rate": {
        "en": "This is not a rate above 0 with at most {most} digits on each side of the point, as text.",
        "he": "זה אינו שער גדול מ-0, כטקסט, עם {most} ספרות לכל היותר בכל צד של הנקודה.",
    },
    "repeated": {"en": "This says `{value}` twice.", "he": "`{value}` כתוב כאן פעמיים."},
    "not_a_time": {"en": "This is not an RFC 3339 time with an offset.", "he": "זה אינו זמן RFC 3339 עם היסט."},
    "not_a_day": {"en": "This is not a day, like `2026-12-31`.", "he": "זה אינו תאריך, כמו `2026-12-31`."},
    "control_character": {"en": "This holds a control character.", "he": "יש כאן תו בקרה."},
    "unknown_time_zone": {
        "en": "There is no such time zone; it is named like `Asia/Jerusalem`.",
        "he": "אין אזור זמן כזה; שמו נכתב כמו `Asia/Jerusalem`.",
    },
    "not_a_country": {
        "en": "A country is two letters of ISO 3166, like `IL` or `GB`.",
        "he": "מדינה נכתבת בשתי אותיות לפי ISO 3166, כמו `IL` או `GB`.",
    },
    "not_a_creator": {
        "en": "This is not a creator's id; those begin with `cre_`.",
        "he": "זה אינו מזהה של יוצר; מזהה כזה מתחיל ב-`cre_`.",
    },
    "empty_condition": {
        "en": "An empty list would ask for nothing, and match everything: name something, or leave the field out.",
        "he": "רשימה ריקה אינה דורשת דבר ותתאים להכול: ציינו ערך אחד לפחות, או השמיטו את השדה.",
    },
    "needs_one_of": {"en": "This needs `{one}` or `{other}`.", "he": "כאן נדרש `{one}` או `{other}`."},
    "needs_field": {"en": "The `{beside}` `{value}` needs this.", "he": "ה-`{beside}` `{value}` דורש את זה."},
    "needless_field": {
        "en": "This does not go with the `{beside}` `{value}`.",
        "he": "זה אינו אפשרי עם ה-`{beside}` `{value}`.",
    },
}

TYPES: dict[str, dict[Language, str]] = {
    "int": {"en": "a whole number", "he": "מספר שלם"},
    "string": {"en": "a text in quotes", "he": "טקסט במירכאות"},
    "bool": {"en": "`true` or `false`", "he": "`true` או `false`"},
    "list": {"en": "a list, `[…]`", "he": "רשימה, `[…]`"},
    "model": {"en": "an object, `{…}`", "he": "אובייקט, `{…}`"},
}
"""What is wanted where something is of another type, by the first word of Pydantic's code."""

SUGGESTION: dict[Language, str] = {"en": " Did you mean `{nearest}`?", "he": " האם התכוונתם ל-`{nearest}`?"}

_ITEMS: dict[str, dict[Language, str]] = {
    "rules": {"en": "rule", "he": "כלל"},
    "levels": {"en": "level", "he": "מדרגה"},
    "bonuses": {"en": "bonus", "he": "בונוס"},
    "lines": {"en": "line", "he": "שורה"},
}
_ITEM: dict[Language, str] = {"en": "item", "he": "פריט"}
_OF: dict[Language, str] = {"en": "{item} {number} of `{items}`", "he": "{item} {number} ב-`{items}`"}


def words(code: str, language: Language, facts: Mapping[str, str | int]) -> tuple[str, str]:
    """Title and detail of a problem."""
    title, detail = PROBLEMS[code][language]
    return title, detail.format_map(facts)


def field_words(path: Sequence[str | int], code: str, language: Language, facts: Mapping[str, str | int]) -> str:
    """What is wrong with one field, and which one that is."""
    wanted = TYPES.get(str(facts.get("wanted")), {}).get(language, "")
    said = FIELDS[code][language].format_map({**facts, "wanted": wanted})
    return placed(path, said + (SUGGESTION[language].format_map(facts) if "nearest" in facts else ""), language)


def placed(path: Sequence[str | int], said: str, language: Language) -> str:
    """What is said of the field at that path, after its name as people count: `Rule 2 of `rules`, `reward.bps`: …`."""
    places, names = list[str](), list[str]()
    for step in path:
        if isinstance(step, str):
            names.append(step)
            continue
        items = names[-1] if names else ""
        item = _ITEMS.get(items, _ITEM)[language]
        places.append(_OF[language].format(item=item, number=step + 1, items=items))
        names = []
    place = ", ".join([*places, f"`{'.'.join(names)}`"] if names else places)
    return f"{place[:1].upper()}{place[1:]}: {said}"


def language(accepted: str) -> Language:
    """The language of ours that an `Accept-Language` header likes best; English where it likes neither."""
    best: tuple[float, Language] = (0.0, "en")
    for wish in accepted.split(","):
        tag, _, parameter = wish.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        known: Language | None = "he" if primary in {"he", "iw"} else "en" if primary in {"en", "*"} else None
        weight = _weight(parameter)
        if known is not None and weight > best[0]:
            best = (weight, known)
    return best[1]


def _weight(parameter: str) -> float:
    try:
        return float(parameter.strip().removeprefix("q=")) if parameter.strip() else 1.0
    except ValueError:
        return 0.0
