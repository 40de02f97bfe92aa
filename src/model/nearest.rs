//! "Did you mean": the known word most similar to a mistyped one.

/// The candidate with the fewest typing mistakes: at most two, and at most one for every two letters.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A text much longer than any of the words is not a mistyped one.
    if word.len() > 32 {
        return None;
    }
    let distances = candidates.map(|candidate| (distance(word, candidate), candidate));
    let (mistakes, candidate) = distances.min_by_key(|(mistakes, _)| *mistakes)?;
    (mistakes <= 2 && mistakes * 2 <= candidate.len()).then_some(candidate)
}

/// How many letters must be added, removed or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (position, letter) in one.chars().enumerate() {
        let mut diagonal = position;
        let mut left = position + 1;
        for (cell, candidate) in row.iter_mut().skip(1).zip(&other) {
            let changed = diagonal + usize::from(letter != *candidate);
            diagonal = *cell;
            left = changed.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        row[0] = position + 1;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (one, other, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("send", "send", 0),
            ("sned", "send", 2),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let verbs = || ["send", "receive", "demo"].into_iter();
        assert_eq!(nearest("recieve", verbs()), Some("receive"));
        assert_eq!(nearest("sned", verbs()), Some("send"));
        assert_eq!(nearest("xyz", verbs()), None);
        assert_eq!(nearest(&"x".repeat(100_000), verbs()), None);
    }
}
