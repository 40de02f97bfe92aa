use super::*;
use crate::model::{PartLayout, limits};

const ID: TransferId = TransferId([7; 16]);
const SIZE: u32 = limits::PART_BYTES_MIN;

fn part(index: u64) -> PartIndex {
    let layout = PartLayout::known(u64::from(SIZE) * 1000, SIZE).unwrap();
    layout.part(index).unwrap()
}

fn sample(path: &Path) -> Vec<u8> {
    let journal = Journal::create(path, ID, SIZE).unwrap();
    for record in [
        JournalRecord::Present(part(3)),
        JournalRecord::Present(part(1)),
        JournalRecord::Revoked(part(3)),
        JournalRecord::Present(part(2)),
        JournalRecord::Present(part(1)),
    ] {
        journal.append(record).unwrap();
    }
    std::fs::read(path).unwrap()
}

fn open(path: &Path) -> Result<Recorded, Option<JournalFault>> {
    match Journal::open(path, ID).unwrap() {
        FoundJournal::Good(_, recorded) => Ok(recorded),
        FoundJournal::Faulty(fault) => Err(Some(fault)),
        FoundJournal::Nothing => Err(None),
    }
}

#[test]
fn the_last_record_of_a_part_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    assert_eq!(open(&path), Err(None));
    sample(&path);
    let recorded = open(&path).unwrap();
    assert_eq!(recorded.part_size, SIZE);
    assert_eq!(recorded.parts, [1, 2]);
}

#[test]
fn a_torn_tail_is_cut_off_wherever_it_tears() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let whole = sample(&path);
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        if cut < HEADER {
            assert_eq!(open(&path), Err(None), "cut at {cut}");
            continue;
        }
        let FoundJournal::Good(journal, _) = Journal::open(&path, ID).unwrap() else {
            panic!("cut at {cut}");
        };
        journal.append(JournalRecord::Present(part(9))).unwrap();
        let parts = open(&path).unwrap().parts;
        assert_eq!(parts.last(), Some(&9), "cut at {cut}");
        let records = (cut - HEADER) / RECORD;
        assert_eq!(parts.contains(&3), (1..3).contains(&records));
    }
}

#[test]
fn zeros_behind_the_last_record_are_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let whole = sample(&path);
    for zeros in [1, RECORD, RECORD + 5, 10_000] {
        let mut grown = whole.clone();
        grown.resize(whole.len() + zeros, 0);
        std::fs::write(&path, &grown).unwrap();
        assert_eq!(open(&path).unwrap().parts.len(), 2, "{zeros} zeros");
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn a_journal_with_a_flipped_bit_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let whole = sample(&path);
    for at in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        std::fs::write(&path, &flipped).unwrap();
        assert_eq!(open(&path), Err(Some(JournalFault::Damaged)), "bit {at}");
    }
}

#[test]
fn other_versions_and_transfers_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut other = header(ID, SIZE);
    other[9] = 1;
    let check = crc32fast::hash(&other[..30]);
    other[30..].copy_from_slice(&check.to_be_bytes());
    std::fs::write(&path, other).unwrap();
    assert_eq!(open(&path), Err(Some(JournalFault::OtherVersion)));
    std::fs::write(&path, header(TransferId([8; 16]), SIZE)).unwrap();
    assert_eq!(open(&path), Err(Some(JournalFault::OtherTransfer)));
}

#[test]
fn records_of_another_journal_are_invalid() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let foreign = sample(&path);
    let mut mixed = header(ID, SIZE * 2).to_vec();
    mixed.extend_from_slice(&foreign[HEADER..]);
    std::fs::write(&path, mixed).unwrap();
    assert_eq!(open(&path), Err(Some(JournalFault::Damaged)));
}

#[test]
fn threads_append_whole_records() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let journal = Journal::create(&path, ID, SIZE).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..100 {
                    let index = number * 4 + thread;
                    let record = JournalRecord::Present(part(index));
                    journal.append(record).unwrap();
                }
            });
        }
    });
    let expected: Vec<_> = (0..400).collect();
    assert_eq!(open(&path).unwrap().parts, expected);
}
