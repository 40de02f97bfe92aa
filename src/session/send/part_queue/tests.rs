use super::*;

fn queue(parts: u64) -> PartQueue {
    let size = limits::PART_BYTES_MIN;
    let layout = PartLayout::known(parts * u64::from(size), size).unwrap();
    PartQueue::new(layout, &PartSet::new(), &PartSet::new())
}

fn take_all(queue: &PartQueue) -> Vec<u64> {
    std::iter::from_fn(|| queue.take())
        .map(PartIndex::get)
        .collect()
}

#[test]
fn each_part_is_handed_out_once_and_in_order() {
    let queue = queue(5);
    assert_eq!(take_all(&queue), [0, 1, 2, 3, 4]);
    assert!(queue.close_round().is_some());
}

#[test]
fn what_the_receiver_has_is_not_sent() {
    let size = limits::PART_BYTES_MIN;
    let layout = PartLayout::known(5 * u64::from(size), size).unwrap();
    let mut have = PartSet::new();
    have.insert(layout.part(0).unwrap());
    have.insert(layout.part(3).unwrap());
    assert_eq!(
        take_all(&PartQueue::new(layout, &have, &PartSet::new())),
        [1, 2, 4]
    );
}

#[test]
fn a_dead_stream_gives_its_part_back() {
    let queue = queue(2);
    assert_eq!(queue.enter(), Some(0));
    let taken = queue.take();
    assert_eq!(queue.take().map(PartIndex::get), Some(1));
    queue.died(taken);
    assert!(queue.close_round().is_none());
    assert_eq!(take_all(&queue), [0]);
    assert!(
        queue
            .close_round()
            .is_some_and(|round| round.streams.is_empty())
    );
}

#[test]
fn a_stream_too_many_rests_until_it_is_needed() {
    let queue = queue(4);
    let (first, second) = (queue.join(), queue.join());
    assert_eq!(queue.enter(), Some(0));
    assert_eq!(queue.enter(), Some(0));
    queue.set_streams(2);
    assert_eq!(queue.streams(), 2);
    let taken = queue.take_at(first, || panic!("it is needed"));
    assert_eq!(taken.map(PartIndex::get), Some(0));
    let (resting, rests) = std::sync::mpsc::channel();
    let next = |order| queue.take_at(order, || resting.send(()).unwrap());
    std::thread::scope(|scope| {
        let second = scope.spawn(|| next(second).map(PartIndex::get));
        rests.recv().unwrap();
        assert_eq!(queue.take().map(PartIndex::get), Some(1));
        queue.died(taken);
        assert_eq!(second.join().unwrap(), Some(0), "in place of the dead one");
    });
    assert_eq!(take_all(&queue), [2, 3]);
}

#[test]
fn a_stream_that_rests_ends_the_round_with_the_others() {
    let queue = queue(2);
    let order = queue.join();
    queue.enter();
    queue.set_streams(1);
    let (resting, rests) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let stream = scope.spawn(|| queue.take_at(order, || resting.send(()).unwrap()));
        rests.recv().unwrap();
        assert_eq!(take_all(&queue), [0, 1]);
        assert!(stream.join().unwrap().is_none());
    });
}

#[test]
fn rounds_follow_each_other_and_parts_exist() {
    let queue = queue(3);
    let range = |start, length| [PartRange { start, length }];
    assert!(!queue.open_round(1, &range(0, 1)), "round 0 is open");
    take_all(&queue);
    queue.close_round().unwrap();
    assert!(!queue.open_round(2, &range(0, 1)));
    assert!(!queue.open_round(1, &range(3, 1)));
    assert!(!queue.open_round(1, &range(0, u64::MAX)));
    assert!(!queue.open_round(1, &range(1, 0)));
    assert!(queue.open_round(1, &range(1, 2)));
    assert_eq!(take_all(&queue), [1, 2]);
}

/// A queue of five parts of which the first three are claimed.
fn claimed() -> PartQueue {
    let size = limits::PART_BYTES_MIN;
    let layout = PartLayout::known(5 * u64::from(size), size).unwrap();
    let mut claims = PartSet::new();
    for part in 0..3 {
        claims.insert(layout.part(part).unwrap());
    }
    PartQueue::new(layout, &PartSet::new(), &claims)
}

#[test]
fn claimed_parts_that_differ_join_round_0_which_stays_open_for_them() {
    let queue = claimed();
    let range = |start, length| [PartRange { start, length }];
    assert_eq!(
        [queue.take(), queue.take()].map(|part| part.unwrap().get()),
        [3, 4]
    );
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| queue.take().map(PartIndex::get));
        assert!(queue.add_differing(&range(1, 1)));
        assert_eq!(waits.join().unwrap(), Some(1));
    });
    for wrong in [range(1, 1), range(3, 1), range(0, u64::MAX)] {
        assert!(!claimed().add_differing(&wrong) || wrong == range(1, 1));
    }
    assert!(!queue.add_differing(&range(1, 1)), "it was named before");
    queue.end_digesting();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| queue.take().map(PartIndex::get));
        assert!(queue.add_differing(&range(2, 1)), "all digests were sent");
        assert_eq!(waits.join().unwrap(), Some(2));
    });
    assert!(queue.end_comparing());
    assert!(!queue.end_comparing(), "it was said before");
    assert!(queue.take().is_none() && queue.close_round().is_some());
    assert!(!queue.add_differing(&range(0, 1)), "it is late");
}

/// A receiver that names every second part, in runs of one.
#[test]
fn runs_that_differ_take_no_more_memory_than_one_message() {
    let size = limits::PART_BYTES_MIN;
    let parts = 6 * limits::RANGES as u64;
    let layout = PartLayout::known(parts * u64::from(size), size).unwrap();
    let mut claims = PartSet::new();
    let all = PartRange {
        start: 0,
        length: parts,
    };
    claims.insert_run(layout.run(all).unwrap());
    let queue = PartQueue::new(layout, &PartSet::new(), &claims);
    let every_second = || (0..parts).step_by(2);
    let runs: Vec<_> = every_second()
        .map(|start| PartRange { start, length: 1 })
        .collect();
    for runs in runs.chunks(limits::RANGES) {
        assert!(queue.add_differing(runs));
    }
    assert_eq!(queue.left(), parts / 2);
    for number in every_second() {
        assert!(queue.state.lock().runs.len() <= limits::RANGES);
        assert_eq!(queue.take().map(PartIndex::get), Some(number));
    }
    assert_eq!(queue.left(), 0);
}

#[test]
fn a_finished_transfer_wakes_everybody() {
    let queue = queue(1);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| queue.wait_after(0));
        queue.finish();
        assert!(!waits.join().unwrap());
    });
    assert_eq!(queue.enter(), None);
    assert!(queue.close_round().is_none());
    assert!(queue.take().is_none());
}
