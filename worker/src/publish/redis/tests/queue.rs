use super::super::queue::Queue;
use super::*;

/// A queue whose Redis is there, and whose caller has caught up.
fn caught_up() -> Queue {
    let mut queue = Queue::default();
    queue.up = true;
    let recovery = queue.recovery().unwrap();
    assert_eq!(recovery.missing, Missing::Unpublished, "nobody knows what was published before");
    queue.caught_up(recovery).unwrap();
    queue
}

fn drain(queue: &mut Queue) -> Vec<PublishedTo> {
    while let Some(commit) = queue.take_commit() {
        queue.finish(commit.published_to);
    }
    queue.take_published_to()
}

#[test]
fn commits_leave_in_their_order_and_are_acknowledged_by_partition() {
    let mut queue = caught_up();
    for seq in 1..=3 {
        queue.offer(commit(seq)).unwrap();
    }
    assert_eq!(queue.take_commit(), Some(commit(1)));
    assert!(queue.take_published_to().is_empty(), "not before it is finished");
    queue.finish(commit(1).published_to);
    assert_eq!(queue.take_published_to(), commit(1).published_to);
    assert_eq!(drain(&mut queue), commit(3).published_to, "the last one says it all");
}

#[test]
fn a_full_queue_refuses_every_commit_until_the_caller_has_caught_up() {
    let mut queue = caught_up();
    let limit = u64::try_from(COMMITS_QUEUED_MAX).unwrap();
    for seq in 1..=limit {
        queue.offer(commit(seq)).unwrap();
    }
    assert_eq!(queue.offer(commit(limit + 1)), Err(Refusal::Behind));
    assert_eq!(queue.recovery(), None, "what waits is published first");
    assert_eq!(drain(&mut queue), commit(limit).published_to);
    assert_eq!(queue.offer(commit(limit + 2)), Err(Refusal::Behind), "a number is missing");
    let recovery = queue.recovery().unwrap();
    assert_eq!(recovery.missing, Missing::Unpublished);
    queue.recover(recovery, commit(limit + 1)).unwrap();
    queue.recover(recovery, commit(limit + 2)).unwrap();
    queue.caught_up(recovery).unwrap();
    queue.offer(commit(limit + 3)).unwrap();
    assert_eq!(drain(&mut queue), commit(limit + 3).published_to);
}

#[test]
fn publications_that_wait_are_bounded_and_one_commit_always_fits() {
    let mut queue = caught_up();
    let large = Committed {
        publications: vec![(STANDING, feed_state(1)); PUBLICATIONS_QUEUED_MAX + 1],
        published_to: Vec::new(),
        span: None,
    };
    queue.offer(large.clone()).unwrap();
    assert_eq!(queue.offer(commit(1)), Err(Refusal::Behind));
    drain(&mut queue);
    let recovery = queue.recovery().unwrap();
    queue.recover(recovery, commit(1)).unwrap();
    let (refusal, back) = queue.recover(recovery, large.clone()).unwrap_err();
    assert_eq!((refusal, back), (Refusal::Full, large), "nothing is lost by it");
}

#[test]
fn a_lost_memory_ends_the_recovery_that_was_under_way() {
    let mut queue = caught_up();
    queue.offer(commit(1)).unwrap();
    queue.take_commit().unwrap();
    queue.forget();
    let recovery = queue.recovery().unwrap();
    assert_eq!(recovery.missing, Missing::Everything);
    queue.recover(recovery, commit(1)).unwrap();
    queue.forget();
    let (refusal, _) = queue.recover(recovery, commit(2)).unwrap_err();
    assert_eq!(refusal, Refusal::Behind);
    assert_eq!(queue.caught_up(recovery), Err(Refusal::Behind));
    assert_eq!(queue.recovery().unwrap().missing, Missing::Everything);
    assert!(drain(&mut queue).is_empty());
}

#[test]
fn of_open_bars_the_newest_of_a_channel_waits() {
    let mut queue = caught_up();
    let bar =
        |minute, event_ns| (STANDING, open_bar(1, candle("BTC", Interval::M1, minute), event_ns));
    queue.open_bars([bar(1, 1), bar(1, 2)].into_iter());
    queue.open_bars([bar(2, 3)].into_iter());
    assert_eq!(queue.take_open_bars(), [bar(2, 3)]);
    assert!(queue.take_open_bars().is_empty());
}
