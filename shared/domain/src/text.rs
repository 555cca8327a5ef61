//! Texts that people choose: names, addresses and passwords.
//!
//! Names follow the Nickname profile of PRECIS (RFC 8266) and passwords OpaqueString (RFC 8265), both over the FreeformClass
//! of RFC 8264, with two differences. The joiners that emoji and some scripts are written with stay, where they are written.
//! And two names are the same when they look the same: the compared form takes look-alike letters of other scripts for the
//! ASCII ones (UTS 39), while ASCII letters are told apart as usual, so that `tom` and `torn` are two names.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory};

/// Parts a joined emoji, and joins letters of scripts that need it.
const ZERO_WIDTH_JOINER: char = '\u{200D}';
/// Keeps letters apart that would be joined.
const ZERO_WIDTH_NON_JOINER: char = '\u{200C}';
/// A braille pattern without dots: a symbol by its category, a blank by its looks.
const BRAILLE_BLANK: char = '\u{2800}';
/// The combining class of a virama, after which a joiner chooses the form of a consonant (RFC 5892, appendix A).
const VIRAMA: u8 = 9;

/// Code points that show nothing by themselves: `Default_Ignorable_Code_Point` of Unicode, first and last of each range.
const IGNORABLE: [(char, char); 17] = [
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{115F}', '\u{1160}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{202A}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFF8}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];

/// Scripts whose letters change with a joiner between them: Arabic to N'Ko, the Brahmic scripts, Khmer and Mongolian.
const JOINING: [(char, char); 4] =
    [('\u{620}', '\u{8FF}'), ('\u{900}', '\u{DFF}'), ('\u{1000}', '\u{109F}'), ('\u{1780}', '\u{18AF}')];

fn lies_in(ranges: &[(char, char)], c: char) -> bool {
    ranges.iter().any(|&(first, last)| (first..=last).contains(&c))
}

/// A name as it is kept: composed (NFC), with single blanks between its parts and none around them; empty when there is
/// nothing to see in it.
///
/// # Errors
/// That a code point shows nothing, changes the direction or has no meaning.
pub(crate) fn name(text: &str) -> Result<String, &'static str> {
    let composed: String = text.nfc().map(|c| if is_blank(c) { ' ' } else { c }).collect();
    let name = composed.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let letters: Vec<char> = name.chars().collect();
    let out_of_place = |at: usize| !is_plain(letters[at]) && !belongs(&letters, at);
    if (0..letters.len()).any(out_of_place) {
        return Err("must not contain control, invisible or unassigned characters");
    }
    Ok(if letters.iter().any(|&c| shows(c)) { name } else { String::new() })
}

/// The form in which names are compared: without regard to case, width, composition, invisible code points and the script
/// of letters that look alike.
pub(crate) fn compared(name: &str) -> String {
    let compatible: String = name.nfkc().filter(|&c| !lies_in(&IGNORABLE, c)).collect();
    let folded = compatible.to_uppercase().to_lowercase();
    folded.nfd().flat_map(looks_like).nfc().collect()
}

/// The compared form, and then those that texts were compared in before look-alikes counted, where they differ.
pub(crate) fn keys(name: &str) -> Vec<String> {
    let mut keys = vec![compared(name)];
    for former in [name.to_lowercase(), name.nfd().collect::<String>().to_lowercase()] {
        if !keys.contains(&former) {
            keys.push(former);
        }
    }
    keys
}

/// What a letter looks like. ASCII looks like itself.
fn looks_like(c: char) -> Vec<char> {
    if c.is_ascii() { vec![c] } else { unicode_security::skeleton(c.encode_utf8(&mut [0; 4])).collect() }
}

/// A password as it is hashed: composed (NFC), every blank an ASCII one.
pub(crate) fn password(text: &str) -> String {
    text.chars().map(|c| if is_blank(c) { ' ' } else { c }).nfc().collect()
}

/// Whether a new password has a code point that another keyboard could not give again: a control or an unassigned one.
pub(crate) fn is_typable(text: &str) -> bool {
    text.chars().all(|c| c.general_category_group() != GeneralCategoryGroup::Other || is_joiner(c))
}

/// Whether it is a blank of any width.
pub(crate) fn is_blank(c: char) -> bool {
    c.general_category() == GeneralCategory::SpaceSeparator || c == BRAILLE_BLANK
}

/// Whether a code point may stand anywhere in a name.
fn is_plain(c: char) -> bool {
    let refused = [GeneralCategoryGroup::Other, GeneralCategoryGroup::Separator];
    c == ' ' || (!refused.contains(&c.general_category_group()) && !lies_in(&IGNORABLE, c))
}

/// Whether there is something to see.
fn shows(c: char) -> bool {
    let seen = [
        GeneralCategoryGroup::Letter,
        GeneralCategoryGroup::Number,
        GeneralCategoryGroup::Punctuation,
        GeneralCategoryGroup::Symbol,
    ];
    is_plain(c) && seen.contains(&c.general_category_group())
}

fn is_joiner(c: char) -> bool {
    c == ZERO_WIDTH_JOINER || c == ZERO_WIDTH_NON_JOINER
}

/// Whether an invisible code point is written where its script or an emoji needs it.
fn belongs(letters: &[char], at: usize) -> bool {
    let (c, before, after) = (letters[at], at.checked_sub(1).map(|at| letters[at]), letters.get(at + 1).copied());
    let Some(before) = before else { return false };
    match c {
        ZERO_WIDTH_JOINER if is_pictograph(before) => after.is_some_and(is_pictograph),
        ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER => joins(before) && after.is_some_and(joins),
        // Text or emoji style, of a sign that has both.
        '\u{FE0E}' | '\u{FE0F}' => before.is_emoji_char(),
        '\u{180B}'..='\u{180D}' | '\u{180F}' => ('\u{1820}'..='\u{18AA}').contains(&before),
        // Variants of Han characters, which family names are written with.
        '\u{E0100}'..='\u{E01EF}' => is_han(before),
        '\u{E0020}'..='\u{E007F}' => ends_flag(&letters[..=at]) || in_flag(letters, at),
        _ => false,
    }
}

fn joins(c: char) -> bool {
    lies_in(&JOINING, c) || canonical_combining_class(c) == VIRAMA
}

fn is_pictograph(c: char) -> bool {
    c == '\u{FE0F}' || (c.is_emoji_char() && !c.is_ascii())
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// The black flag that a region's tags follow, up to the end tag: the flags of England, Scotland and Wales.
const BLACK_FLAG: char = '\u{1F3F4}';
const END_OF_TAGS: char = '\u{E007F}';

fn is_tag(c: char) -> bool {
    ('\u{E0020}'..=END_OF_TAGS).contains(&c)
}

/// Whether these letters end with a whole tagged flag.
fn ends_flag(letters: &[char]) -> bool {
    let tags = letters.iter().rev().take_while(|&&c| is_tag(c)).count();
    let flag = letters.len().checked_sub(tags + 1).map(|at| letters[at]);
    let ends = letters.iter().rev().take(tags).filter(|&&c| c == END_OF_TAGS).count();
    flag == Some(BLACK_FLAG) && ends == 1 && letters.last() == Some(&END_OF_TAGS) && tags > 1
}

/// Whether the tag at that place is one of a whole tagged flag.
fn in_flag(letters: &[char], at: usize) -> bool {
    let rest = letters[at..].iter().take_while(|&&c| is_tag(c)).count();
    ends_flag(&letters[..at + rest])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_names_and_emoji_stay_as_they_are_written() {
        for real in [
            "José",
            "Zoë Müller-O’Brien",
            "Иван Петров",
            "محمد",
            "می\u{200C}خواهم",
            "क\u{94D}\u{200D}ष",
            "葛\u{E0100}城",
            "山田 太郎",
            "👩\u{200D}💻",
            "❤\u{FE0F}",
            "🏳\u{FE0F}\u{200D}🌈",
            "👍🏽",
            "🇪🇺",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            "1\u{FE0F}\u{20E3}",
        ] {
            assert_eq!(name(real).as_deref(), Ok(real), "{real:?}");
        }
    }

    #[test]
    fn names_are_composed_and_blanks_are_single() {
        assert_eq!(name("  Jose\u{301} \u{A0}\u{3000} Marti\u{301} ").as_deref(), Ok("José Martí"));
        assert_eq!(name("a\u{2800}b").as_deref(), Ok("a b"));
    }

    #[test]
    fn what_shows_nothing_or_turns_the_text_around_is_refused_wherever_it_stands() {
        for hidden in [
            "\0",
            "\n",
            "\u{7F}",
            "\u{85}",
            "\u{AD}",
            "\u{34F}",
            "\u{61C}",
            "\u{115F}",
            "\u{180E}",
            "\u{200B}",
            "\u{200E}",
            "\u{2028}",
            "\u{2029}",
            "\u{202E}",
            "\u{2060}",
            "\u{2066}",
            "\u{3164}",
            "\u{FFA0}",
            "\u{FEFF}",
            "\u{FFF9}",
            "\u{E000}",
            "\u{E0041}",
            "\u{E0100}",
            "\u{FE0F}",
            "\u{200C}",
            "\u{200D}",
            "\u{378}",
            "\u{10FFFF}",
        ] {
            for text in
                [hidden.to_owned(), format!("ad{hidden}min"), format!("{hidden}admin"), format!("admin{hidden}")]
            {
                assert!(name(&text).is_err(), "{text:?}");
            }
        }
    }

    #[test]
    fn a_name_of_blanks_and_marks_alone_has_nothing_to_see() {
        for blank in ["", "  ", "\u{2003}", "\u{2800}", "\u{301}", "\u{301} \u{300}"] {
            assert_eq!(name(blank).as_deref(), Ok(""), "{blank:?}");
        }
    }

    #[test]
    fn names_that_look_alike_are_the_same() {
        for (one, other) in [
            ("admin", "ADMIN"),
            ("admin", "аdmin"),
            ("admin", "ａｄｍｉｎ"),
            ("oscar", "оscаr"),
            ("José", "JOSE\u{301}"),
            ("straße", "STRASSE"),
            ("Οδυσσεύς", "ΟΔΥΣΣΕΎΣ"),
            ("❤", "❤\u{FE0F}"),
            ("file", "ﬁle"),
        ] {
            assert_eq!(compared(one), compared(other), "{one} and {other}");
        }
    }

    #[test]
    fn names_that_do_not_look_alike_are_two() {
        for (one, other) in [("tom", "torn"), ("ana1", "anal"), ("jose", "josé"), ("bob", "bób"), ("иван", "ivan")]
        {
            assert_ne!(compared(one), compared(other), "{one} and {other}");
        }
    }

    #[test]
    fn a_name_in_plain_letters_compares_as_it_always_did() {
        assert_eq!(compared("Alice B. 42"), "alice b. 42");
    }
}
