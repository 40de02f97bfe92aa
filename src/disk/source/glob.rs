//! Patterns of names and paths.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A pattern of bytes, matched in time proportional to its length times the name's.
///
/// `*` is any bytes except `/`, `?` any one byte except `/`, `[a-z]` one of these bytes, `[!a-z]` or `[^a-z]`
/// any other byte except `/`, and `**` any bytes. Outside of brackets `\` makes the next byte ordinary. `**/`
/// at the start of a component also stands for no folder at all: `a/**/b` matches `a/b`.
///
/// A pattern without `/` matches the last component of a path, whatever folder it is in; one with `/`
/// matches the whole path as it is sent. A leading `/` or `./` only forces the latter; a trailing `/` only
/// restricts the pattern to folders.
///
/// `{a,b}` and a leading `!`, which have a meaning in other programs, are refused, because they would silently
/// match nothing. `\\{` and `\\!` stand for these characters.
#[derive(Clone, Debug)]
pub struct Glob {
    pattern: Box<[u8]>,
    /// Whether it or a clone of it has matched.
    has_matched: Arc<AtomicBool>,
    tokens: Vec<Token>,
    scope: Scope,
    only_folders: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    LastComponent,
    WholePath,
}

/// The kind of entry that a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GlobShape {
    Folder,
    Other,
}

/// One state of the automaton.
#[derive(Clone, Debug)]
enum Token {
    Byte(u8),
    AnyByte,
    Class {
        ranges: Vec<(u8, u8)>,
        negated: bool,
    },
    /// Any bytes except `/`.
    Star,
    /// Any bytes.
    DoubleStar,
    /// The next two tokens, a `**` and a `/`, or nothing.
    OptionalFolders,
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A [`GlobFault`].
    pub fn parse(pattern: &[u8]) -> Result<Glob, GlobFault> {
        if pattern.starts_with(b"!") {
            return Err(GlobFault::Negation);
        }
        let mut rest = pattern.strip_prefix(b".").unwrap_or(pattern);
        let anchored = rest.starts_with(b"/");
        if !anchored {
            rest = pattern;
        }
        rest = rest.strip_prefix(b"/").unwrap_or(rest);
        let only_folders = rest.ends_with(b"/");
        rest = rest.strip_suffix(b"/").unwrap_or(rest);
        if rest.is_empty() {
            return Err(GlobFault::Empty);
        }
        let scope = if anchored || rest.contains(&b'/') {
            Scope::WholePath
        } else {
            Scope::LastComponent
        };
        Ok(Glob {
            pattern: pattern.into(),
            has_matched: Arc::default(),
            tokens: tokens(rest)?,
            scope,
            only_folders,
        })
    }

    /// Whether the pattern excludes a file at `path`, the bytes of a wire path.
    pub fn matches_file(&self, path: &[u8]) -> bool {
        self.matches(path, GlobShape::Other)
    }

    /// Whether the pattern matches `path`, the bytes of a wire path.
    pub(crate) fn matches(&self, path: &[u8], shape: GlobShape) -> bool {
        if self.only_folders && shape != GlobShape::Folder {
            return false;
        }
        let text = match self.scope {
            Scope::WholePath => path,
            Scope::LastComponent => path.rsplit(|&byte| byte == b'/').next().unwrap_or(path),
        };
        let matches = self.run(text);
        if matches {
            self.has_matched.store(true, Ordering::Relaxed);
        }
        matches
    }

    /// Whether one of `globs` matches. All are tried until each has matched once.
    pub(crate) fn any_matches(globs: &[Glob], path: &[u8], shape: GlobShape) -> bool {
        let mut is_found = false;
        for glob in globs {
            let is_known = is_found && glob.has_matched.load(Ordering::Relaxed);
            is_found |= !is_known && glob.matches(path, shape);
        }
        is_found
    }

    /// The patterns that have matched nothing.
    pub(crate) fn unmatched(globs: &[Glob]) -> impl Iterator<Item = &[u8]> {
        let unmatched = globs
            .iter()
            .filter(|glob| !glob.has_matched.load(Ordering::Relaxed));
        unmatched.map(|glob| &*glob.pattern)
    }

    /// Follows all ways to match at once, so nothing is tried twice: `active[i]` means that the text so far
    /// matches the tokens before `i`.
    fn run(&self, text: &[u8]) -> bool {
        let mut active = vec![false; self.tokens.len() + 1];
        let mut next = active.clone();
        active[0] = true;
        self.skip_empty(&mut active);
        for &byte in text {
            next.fill(false);
            for (number, token) in self.tokens.iter().enumerate() {
                if active[number] {
                    match token.takes(byte) {
                        Step::No => {}
                        Step::Stay => next[number] = true,
                        Step::Forward => next[number + 1] = true,
                    }
                }
            }
            self.skip_empty(&mut next);
            std::mem::swap(&mut active, &mut next);
            if !active.contains(&true) {
                return false;
            }
        }
        active[self.tokens.len()]
    }

    /// Activates the states that need no byte. Such steps only lead forward, so one pass finds them all.
    fn skip_empty(&self, active: &mut [bool]) {
        for (number, token) in self.tokens.iter().enumerate() {
            if active[number] {
                match token {
                    Token::Star | Token::DoubleStar => active[number + 1] = true,
                    Token::OptionalFolders => {
                        active[number + 1] = true;
                        active[number + 3] = true;
                    }
                    Token::Byte(_) | Token::AnyByte | Token::Class { .. } => {}
                }
            }
        }
    }
}

/// The states that a byte leads to.
enum Step {
    No,
    Stay,
    Forward,
}

impl Token {
    fn takes(&self, byte: u8) -> Step {
        let forward = match self {
            Token::DoubleStar => return Step::Stay,
            Token::Star if byte != b'/' => return Step::Stay,
            Token::Star | Token::OptionalFolders => false,
            Token::Byte(own) => *own == byte,
            Token::AnyByte => byte != b'/',
            Token::Class { ranges, negated } => {
                let inside = ranges
                    .iter()
                    .any(|&(low, high)| (low..=high).contains(&byte));
                byte != b'/' && inside != *negated
            }
        };
        if forward { Step::Forward } else { Step::No }
    }
}

fn tokens(pattern: &[u8]) -> Result<Vec<Token>, GlobFault> {
    let mut tokens = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut component_start = true;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let at_start = std::mem::replace(&mut component_start, first == b'/');
        match first {
            b'?' => tokens.push(Token::AnyByte),
            b'\\' => {
                let (&literal, after) = rest.split_first().unwrap_or((&b'\\', rest));
                tokens.push(Token::Byte(literal));
                rest = after;
            }
            b'{' if is_alternatives(rest) => return Err(GlobFault::Alternatives),
            b'[' => {
                let (class, after) = class(rest)?;
                tokens.push(class);
                rest = after;
            }
            b'*' => {
                let stars = rest.iter().take_while(|&&byte| byte == b'*').count();
                rest = &rest[stars..];
                if stars == 0 {
                    tokens.push(Token::Star);
                } else {
                    if at_start && rest.starts_with(b"/") {
                        tokens.push(Token::OptionalFolders);
                    }
                    tokens.push(Token::DoubleStar);
                }
            }
            byte => tokens.push(Token::Byte(byte)),
        }
    }
    Ok(tokens)
}

/// Whether a comma comes before the `}` that closes a `{`.
fn is_alternatives(rest: &[u8]) -> bool {
    let end = rest.iter().position(|byte| *byte == b'}');
    end.is_some_and(|end| rest[..end].contains(&b','))
}

/// Reads a class after its `[`, and returns the rest after its `]`. A `]` that comes first is a member.
fn class(mut rest: &[u8]) -> Result<(Token, &[u8]), GlobFault> {
    let negated = matches!(rest, [b'!' | b'^', ..]);
    if negated {
        rest = &rest[1..];
    }
    let mut ranges = Vec::new();
    loop {
        let (range, after) = match rest {
            [b']', after @ ..] if !ranges.is_empty() => {
                return Ok((Token::Class { ranges, negated }, after));
            }
            [low, b'-', high, after @ ..] if *high != b']' => ((*low, *high), after),
            [byte, after @ ..] => ((*byte, *byte), after),
            [] => return Err(GlobFault::OpenClass),
        };
        ranges.push(range);
        rest = after;
    }
}

/// Why a text is not a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobFault {
    /// It has only slashes.
    Empty,
    /// It has a `[` without a `]`.
    OpenClass,
    /// It has `{a,b}`.
    Alternatives,
    /// It begins with `!`.
    Negation,
}

impl fmt::Display for GlobFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GlobFault::Empty => "the pattern is empty",
            GlobFault::OpenClass => "the pattern has a '[' without a ']'",
            GlobFault::Alternatives => {
                "{a,b} is not supported: repeat the option for each pattern ('\\{' matches the character)"
            }
            GlobFault::Negation => "a pattern cannot begin with '!' ('\\!' matches the character)",
        })
    }
}

impl std::error::Error for GlobFault {}

#[cfg(test)]
mod tests;
