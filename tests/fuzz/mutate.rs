//! Inputs that are nearly valid.

use crate::chance::Chance;

/// Numbers at which something might break.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x8000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    i64::MAX as u64,
    u64::MAX,
];

/// Longest input, in bytes. Longer ones only take more time.
const LONGEST: usize = 64 * 1024;

/// Makes inputs from those in a corpus.
pub struct Mutator {
    chance: Chance,
    corpus: Vec<Vec<u8>>,
}

impl Mutator {
    pub fn new(chance: Chance, corpus: Vec<Vec<u8>>) -> Mutator {
        assert!(!corpus.is_empty(), "nothing to begin with");
        Mutator { chance, corpus }
    }

    /// An input of the corpus, with one to eight changes.
    pub fn next(&mut self) -> Vec<u8> {
        let mut input = self.corpus[self.chance.place(self.corpus.len())].clone();
        for _ in 0..=self.chance.below(8) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    pub fn change(&mut self, input: &mut Vec<u8>) {
        let place = self.chance.place(input.len() + 1);
        let length = self.chance.place(32) + 1;
        let end = (place + length).min(input.len());
        match self.chance.below(8) {
            0 => self.flip(input),
            1 => self.put_number(input, place),
            2 => {
                input.drain(place..end);
            }
            3 => {
                let bytes = self.chance.bytes(length);
                input.splice(place..place, bytes);
            }
            4 => {
                let copy = input[place..end].to_vec();
                let to = self.chance.place(input.len() + 1);
                input.splice(to..to, copy);
            }
            5 => input.truncate(place),
            6 => {
                let other = &self.corpus[self.chance.place(self.corpus.len())];
                let from = self.chance.place(other.len() + 1);
                input.truncate(place);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let bytes = self.chance.bytes(end - place);
                input.splice(place..end, bytes);
            }
        }
    }

    /// Flips a bit.
    pub fn flip(&mut self, input: &mut [u8]) {
        if !input.is_empty() {
            let place = self.chance.place(input.len());
            input[place] ^= 1 << self.chance.below(8);
        }
    }

    /// Writes a number of one, two, four or eight bytes, in either byte order.
    fn put_number(&mut self, input: &mut [u8], place: usize) {
        let number = EDGES[self.chance.place(EDGES.len())]
            .wrapping_add(self.chance.below(3))
            .wrapping_sub(1);
        let width = 1 << self.chance.below(4);
        let bytes = match self.chance.below(2) {
            0 => number.to_be_bytes()[8 - width..].to_vec(),
            _ => number.to_le_bytes()[..width].to_vec(),
        };
        for (to, from) in input.iter_mut().skip(place).zip(bytes) {
            *to = from;
        }
    }
}
