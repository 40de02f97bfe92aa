//! The words that secrets and verification phrases are made of.

use super::random::{RandomError, random_bytes};
use zeroize::Zeroizing;

/// Bits of choice in one word.
pub(super) const BITS_PER_WORD: u32 = 9;

/// Letters of the longest word.
pub(super) const LONGEST_WORD: usize = 6;

/// A phrase of `N` words joined by `-`, chosen uniformly by the operating system's random bytes.
pub(super) fn random_phrase<const N: usize>() -> Result<Zeroizing<String>, RandomError> {
    let mut pairs = Zeroizing::new([[0; 2]; N]);
    for pair in pairs.iter_mut() {
        *pair = random_bytes()?;
    }
    Ok(Zeroizing::new(phrase(&*pairs)))
}

/// The words for pairs of bytes, joined by `-`: each pair's low nine bits, read
/// big-endian, choose one, so uniform bytes choose evenly.
pub(super) fn phrase(pairs: &[[u8; 2]]) -> String {
    // Enough for every phrase, so that growing leaves no piece of a secret behind.
    let mut phrase = String::with_capacity(pairs.len() * (1 + LONGEST_WORD));
    for (position, pair) in pairs.iter().enumerate() {
        if position > 0 {
            phrase.push('-');
        }
        phrase.push_str(WORDS[usize::from(u16::from_be_bytes(*pair)) % WORDS.len()]);
    }
    phrase
}

/// All words, in alphabetical order.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    WORDS.into_iter()
}

/// The words that begin with `prefix`, in alphabetical order.
pub(super) fn beginning_with(prefix: &str) -> impl Iterator<Item = &'static str> {
    all().filter(move |word| word.starts_with(prefix))
}

/// Short, plain, easy to tell apart by ear: none begins with another, no two of one length differ
/// in a single letter. The order is part of the protocol: both peers must show the same phrase.
#[rustfmt::skip]
const WORDS: [&str; 1 << BITS_PER_WORD] = [
    "acorn", "almond", "amber", "anchor", "anvil", "apple", "apron", "arctic", "arrow", "artist",
    "atlas", "autumn", "bacon", "badger", "bagel", "ballad", "bamboo", "banana", "banjo", "banner",
    "barrel", "basil", "basket", "beacon", "beetle", "bench", "birch", "bison", "bonnet", "bonus",
    "book", "bottle", "brave", "breeze", "brick", "bridge", "bronze", "brook", "brush", "bubble",
    "bucket", "buckle", "butter", "button", "cabin", "cable", "cactus", "cadet", "camel", "camera",
    "candle", "candy", "canoe", "canvas", "canyon", "carbon", "carpet", "castle", "cavern",
    "cedar", "celery", "chain", "chalk", "chapel", "cheese", "cherry", "chess", "cinema", "circle",
    "circus", "citrus", "cliff", "clock", "cloud", "clover", "cobalt", "cobra", "cocoa", "coffee",
    "comb", "condor", "cookie", "copper", "coral", "cosmic", "cotton", "couch", "cousin", "cowboy",
    "crater", "crayon", "crisp", "crown", "cube", "curry", "daisy", "dancer", "denim", "desk",
    "diary", "doctor", "dozen", "dragon", "dream", "drum", "eager", "eagle", "echo", "elbow",
    "eleven", "empire", "engine", "equal", "escape", "fabric", "falcon", "famous", "farmer",
    "father", "fence", "fern", "ferret", "fifty", "filter", "finch", "flag", "flint", "flood",
    "flute", "focus", "forest", "fossil", "frame", "fresh", "friend", "frog", "frost", "frozen",
    "fusion", "future", "gadget", "galaxy", "gallon", "garage", "garden", "garlic", "garnet",
    "gecko", "gentle", "giant", "giggle", "ginger", "glass", "globe", "goblet", "golden", "grape",
    "gravel", "gravy", "green", "grove", "guava", "guitar", "habit", "hammer", "happy", "harp",
    "hazel", "helmet", "heron", "hinge", "hippo", "hobby", "honey", "hornet", "humble", "hunter",
    "hyena", "igloo", "iguana", "indigo", "insect", "island", "ivory", "jackal", "jacket",
    "jaguar", "jazz", "jelly", "jigsaw", "jockey", "joker", "juice", "jumbo", "jungle", "junior",
    "kayak", "kettle", "keypad", "king", "kitten", "kiwi", "koala", "ladder", "lagoon", "lake",
    "lamp", "laptop", "laser", "lasso", "lava", "leaf", "ledger", "legend", "lemon", "lemur",
    "lentil", "letter", "lilac", "lily", "lively", "lizard", "llama", "logic", "lotus", "loyal",
    "lucky", "lunar", "magic", "magma", "magnet", "mammal", "mango", "mantis", "maple", "marble",
    "marine", "marker", "marsh", "meadow", "melody", "melon", "mentor", "merry", "meteor",
    "method", "metro", "mighty", "mint", "mirror", "mixer", "moment", "monkey", "moon", "moose",
    "mosaic", "moss", "motion", "motor", "museum", "music", "nacho", "napkin", "nature", "nectar",
    "needle", "neon", "nimble", "ninety", "noble", "nomad", "noodle", "normal", "north", "novel",
    "number", "nutmeg", "oasis", "ocean", "office", "olive", "onion", "opal", "optic", "orange",
    "orbit", "orca", "origin", "otter", "oven", "oxygen", "oyster", "palace", "palm", "panda",
    "papaya", "paper", "parade", "parcel", "parrot", "pasta", "patrol", "peach", "peanut", "pearl",
    "pebble", "pencil", "pepper", "piano", "pickle", "picnic", "pigeon", "pilot", "pirate",
    "pixel", "pizza", "planet", "plate", "plaza", "polar", "pollen", "pony", "poppy", "portal",
    "poster", "potato", "prince", "prism", "proud", "puffin", "pulley", "pump", "pupil", "purple",
    "purse", "puzzle", "python", "quail", "queen", "quest", "quick", "quilt", "quiver", "rabbit",
    "radar", "radio", "radish", "raisin", "ranger", "rapid", "raven", "rebel", "recipe", "reef",
    "rescue", "ribbon", "riddle", "ridge", "river", "robin", "robot", "rocket", "rodeo", "rope",
    "ruby", "rudder", "ruler", "rustic", "saddle", "safari", "salad", "salmon", "salsa", "sandal",
    "satin", "scarf", "scenic", "school", "scout", "secret", "sensor", "seven", "shadow", "shark",
    "sheep", "shell", "shield", "shiny", "shirt", "shovel", "shrimp", "signal", "silent", "silk",
    "silver", "simple", "siren", "sister", "sixty", "sketch", "sleeve", "slogan", "smile",
    "smooth", "snow", "soccer", "sofa", "soup", "south", "speedy", "sphere", "spider", "spiral",
    "spirit", "splash", "sponge", "spoon", "spring", "spruce", "square", "squid", "stamp", "star",
    "statue", "steady", "stereo", "stool", "strong", "studio", "sturdy", "subway", "sugar",
    "summer", "sunny", "sunset", "supper", "sushi", "swan", "swift", "swing", "switch", "syrup",
    "taco", "talent", "target", "teapot", "temple", "tender", "tennis", "tent", "thirty", "thorn",
    "thread", "ticket", "tiger", "timber", "toad", "token", "tomato", "topaz", "torch", "tower",
    "triple", "trophy", "trout", "trunk", "tulip", "tundra", "tunnel", "turbo", "turnip", "turtle",
    "tuxedo", "twelve", "twenty", "urban", "valley", "vault", "velvet", "victor", "viking",
    "violet", "violin", "vision", "visor", "vivid", "vocal", "voyage", "waffle", "wagon", "wallet",
    "walnut", "walrus", "watch", "wealth", "weaver", "willow", "window", "winter", "wisdom",
    "wolf", "wombat", "wonder", "wrench", "writer", "yellow", "young", "zebra", "zenith", "zigzag",
    "zipper", "zodiac",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn words_are_distinct_short_and_plain() {
        assert_eq!(WORDS.len(), 512);
        assert_eq!(WORDS.iter().collect::<HashSet<_>>().len(), WORDS.len());
        for word in WORDS {
            assert!((3..=LONGEST_WORD).contains(&word.len()), "{word}");
            assert!(
                word.bytes().all(|letter| letter.is_ascii_lowercase()),
                "{word}"
            );
        }
    }

    #[test]
    fn words_are_hard_to_mix_up() {
        for (index, one) in WORDS.iter().enumerate() {
            for other in &WORDS[index + 1..] {
                assert!(
                    !one.starts_with(other) && !other.starts_with(one),
                    "{one} {other}"
                );
                let differing = one
                    .bytes()
                    .zip(other.bytes())
                    .filter(|(a, b)| a != b)
                    .count();
                assert!(one.len() != other.len() || differing > 1, "{one} {other}");
            }
        }
    }

    #[test]
    fn a_phrase_takes_the_low_nine_bits_of_each_pair() {
        assert_eq!(
            phrase(&[[0, 0], [1, 255], [254, 1], [255, 255]]),
            [WORDS[0], WORDS[511], WORDS[1], WORDS[511]].join("-")
        );
        assert_eq!(phrase(&[]), "");
    }

    #[test]
    fn random_phrases_have_the_words_asked_for_and_differ() {
        let one = random_phrase::<5>().unwrap();
        let other = random_phrase::<5>().unwrap();
        assert_eq!(one.split('-').count(), 5);
        assert!(one.split('-').all(|word| WORDS.contains(&word)));
        assert_ne!(*one, *other);
    }
}
