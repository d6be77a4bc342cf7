//! Who gets a place, and who does not.

use reform_api::error::Reason;

use super::*;

fn limits(calls_max: usize) -> Arc<Limits> {
    Limits::new(Config { calls_max, calls_per_caller_max: calls_max, ..Config::default() })
}

#[test]
fn imports_go_first_and_health_last() {
    let (limits, connection) = (limits(8), Arc::default());
    let mut places = Vec::new();
    let classes = [(Class::Import, 2), (Class::Write, 4), (Class::Read, 6), (Class::Feed, 8)];
    for (class, until) in classes {
        while let Ok(place) = limits.enter(class, None, &connection) {
            places.push(place);
        }
        assert_eq!(places.len(), until, "{class}");
    }
    let health = limits.enter(Class::Health, None, &connection);
    assert!(health.is_ok());
    let refused = limits.enter(Class::Feed, None, &connection).unwrap_err();
    assert_eq!(refused, Full(Setting::Calls, 8));
    places.clear();
    assert_eq!((limits.all.calls.load(Relaxed), limits.feeds.load(Relaxed)), (0, 0));
    assert!(limits.enter(Class::Import, None, &connection).is_ok());
}

#[test]
fn one_caller_does_not_take_the_places_of_others() {
    let config = Config { calls_per_caller_max: 2, feeds_max: 1, ..Config::default() };
    let limits = Limits::new(config);
    let (one, other) = (Identity::new("one").unwrap(), Identity::new("other").unwrap());
    let (here, there) = (Arc::default(), Arc::default());
    let first = limits.enter(Class::Read, Some(&one), &here).unwrap();
    let _second = limits.enter(Class::Feed, Some(&one), &there).unwrap();
    assert!(limits.enter(Class::Read, Some(&one), &here).is_err());
    assert!(limits.enter(Class::Feed, Some(&other), &here).is_err(), "of all there is one feed");
    assert!(limits.enter(Class::Read, Some(&other), &here).is_ok());
    assert!(limits.enter(Class::Read, None, &here).is_ok());
    drop(first);
    assert!(limits.enter(Class::Read, Some(&one), &here).is_ok());
}

#[test]
fn requests_that_do_not_end_are_bounded() {
    let limits = Limits::new(Config { requests_bytes_max: 400, ..Config::default() });
    let (here, there) = (Arc::default(), Arc::default());
    let one = limits.enter(Class::Write, None, &here).unwrap();
    assert!(one.receive(60).is_ok() && one.receive(100).is_ok() && one.receive(50).is_ok());
    let other = limits.enter(Class::Write, None, &here).unwrap();
    assert_eq!(other.receive(1).unwrap_err().reason(), Reason::Overloaded);
    drop((one, other));
    assert!(limits.enter(Class::Write, None, &here).unwrap().receive(100).is_ok());
    let many: Vec<_> = (0..5).map(|_| limits.enter(Class::Read, None, &Arc::default()).unwrap()).collect();
    assert_eq!(many.iter().filter(|place| place.receive(90).is_ok()).count(), 4);
    drop(many);
    assert!(limits.enter(Class::Read, None, &there).unwrap().receive(90).is_ok());
    assert_eq!(limits.all.requests.load(Relaxed), 0);
}

#[test]
fn answers_that_nobody_takes_are_bounded() {
    let limits = Limits::new(Config { answers_bytes_max: 400, ..Config::default() });
    let (here, there): (Arc<Share>, _) = (Arc::default(), Arc::default());
    let unread = limits.enter(Class::Read, None, &here).unwrap();
    unread.hold(101);
    assert!(here.is_stalled(Duration::ZERO, limits.now_ms() + 1));
    assert!(limits.enter(Class::Read, None, &here).is_err());
    let other = limits.enter(Class::Read, None, &there).unwrap();
    other.hold(300);
    assert!(limits.enter(Class::Read, None, &Arc::default()).is_err());
    other.hold(299);
    let one_more = limits.enter(Class::Read, None, &Arc::default()).unwrap();
    assert!(!one_more.take_room(1));
    assert!(limits.enter(Class::Read, None, &Arc::default()).is_ok(), "what has no room takes none");
    unread.hold(1);
    assert!(one_more.take_room(100) && !one_more.take_room(101), "a quarter of 400");
    drop((one_more, other));
    assert!(limits.enter(Class::Read, None, &here).is_ok());
    drop(unread);
    assert!(!here.is_stalled(Duration::ZERO, u64::MAX));
}

#[test]
fn only_what_is_taken_is_progress() {
    let (limits, here): (_, Arc<Share>) = (limits(8), Arc::default());
    let enter = || limits.enter(Class::Read, None, &here).unwrap();
    let (first, second) = (enter(), enter());
    first.hold(2);
    let since = here.taken_ms.load(Relaxed);
    while limits.now_ms() == since {
        std::thread::yield_now();
    }
    second.hold(2);
    drop(second);
    assert_eq!(here.taken_ms.load(Relaxed), since);
    first.hold(1);
    assert!(here.taken_ms.load(Relaxed) > since);
}
