//! What happens when: triggers, calls, aliases, and the end of a run.

use std::time::Duration;

use portcullis_harness::engine::{
    Action, Boot, Call, Decoded, End, EngineError, EventKind, EventPattern, HostChange,
    NetworkChange, Place, Step, StreamDecoder, Trigger, always, packet, turmoil,
};
use portcullis_reports::{Event, Fields, Passage};

use crate::programs::{boot, echo_client, echo_server, host, run, said, say, spec};

fn call(trigger: Trigger, host: &str, run: Boot) -> Step {
    let (host, name) = (host.to_owned(), "poke".to_owned());
    let action = Action::Call(Call {
        host,
        waits: false,
        name,
        fields: Fields::new(),
        run: always(run),
    });
    Step {
        trigger,
        action,
        name: None,
    }
}

fn quiet() -> Boot {
    boot(|_| std::future::pending())
}

#[test]
fn a_step_follows_the_second_occurrence_of_its_event_after_its_delay() {
    let talker = boot(|node| async move {
        for second in 1..=3 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            say(&node, "spoke", &second.to_string());
        }
    });
    let pattern = EventPattern::new(EventKind::Effect)
        .with("name", "spoke")
        .with("host", "server")
        .nth(2);
    let delay = Duration::from_millis(250);
    let trigger = Trigger::After { pattern, delay };
    let poked = boot(|node| async move { say(&node, "poked", "") });
    let steps = vec![call(trigger, "client", poked)];
    let outcome = run(talker, quiet(), steps, Duration::from_secs(5));
    assert!(said(&outcome).contains(&"2.25s client poked ".to_owned()));
}

#[test]
fn a_pattern_can_use_a_name_that_the_run_gave_to_a_value() {
    let talker = boot(|node| async move {
        node.recorder.alias("t1", "5b6f");
        tokio::time::sleep(Duration::from_secs(1)).await;
        say(&node, "spoke", "5b6f");
    });
    let pattern = EventPattern::new(EventKind::Effect).with("value", "t1");
    let delay = Duration::ZERO;
    let poked = boot(|node| async move { say(&node, "poked", "") });
    let steps = vec![call(Trigger::After { pattern, delay }, "client", poked)];
    let outcome = run(talker, quiet(), steps, Duration::from_secs(5));
    assert_eq!(said(&outcome)[1], "1s client poked ");
}

#[test]
fn a_call_to_a_host_that_is_down_is_recorded_as_skipped() {
    let crash = Action::Host(HostChange::Crash, "client".to_owned());
    let steps = vec![
        Step {
            trigger: Trigger::At(Duration::from_secs(1)),
            action: crash,
            name: None,
        },
        call(
            Trigger::At(Duration::from_secs(2)),
            "client",
            boot(|node| async move { say(&node, "poked", "") }),
        ),
    ];
    let outcome = run(quiet(), quiet(), steps, Duration::from_secs(3));
    assert!(said(&outcome).is_empty());
    let skipped = outcome.history.iter().any(|entry| {
        matches!(&entry.event, Event::Action { name, fields }
            if name == "poke" && fields.contains_key("skipped"))
    });
    assert!(skipped, "{:#?}", outcome.history);
}

#[test]
fn a_call_that_waits_follows_the_restart_of_its_host() {
    let host = |seconds, change| Step {
        trigger: Trigger::At(Duration::from_secs(seconds)),
        action: Action::Host(change, "client".to_owned()),
        name: None,
    };
    let poked = boot(|node| async move { say(&node, "poked", &node.incarnation.to_string()) });
    let mut waiting = call(Trigger::At(Duration::from_secs(2)), "client", poked);
    if let Action::Call(call) = &mut waiting.action {
        call.waits = true;
    }
    let steps = vec![
        host(1, HostChange::Crash),
        waiting,
        host(4, HostChange::Restart),
    ];
    let outcome = run(quiet(), quiet(), steps, Duration::from_secs(5));
    assert_eq!(said(&outcome), ["4s client poked 1"]);
}

#[test]
fn a_step_with_nothing_to_take_back_is_recorded_as_skipped() {
    let change = |change| Action::Host(change, "client".to_owned());
    let name = || "nothing".to_owned();
    let place = Place::Host("client".to_owned());
    let actions = [
        change(HostChange::Restart),
        Action::Network(NetworkChange::Heal { name: name() }),
        Action::Network(NetworkChange::RemoveRule {
            place,
            name: name(),
        }),
        change(HostChange::Crash),
        change(HostChange::Crash),
        change(HostChange::Pause),
        change(HostChange::Resume),
    ];
    let steps = actions.map(|action| Step {
        trigger: Trigger::At(Duration::from_secs(1)),
        action,
        name: None,
    });
    for engine in [packet::run, turmoil::run] {
        let hosts = vec![host("server", quiet()), host("client", quiet())];
        let outcome = engine(spec(hosts, steps.to_vec(), Duration::from_secs(2)));
        assert_eq!(outcome.end, End::Deadline);
        let told: Vec<_> = outcome
            .history
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Action { name, fields } => Some((&**name, fields.contains_key("skipped"))),
                Event::Packet(_)
                | Event::Connection(_)
                | Event::Message(_)
                | Event::State(_)
                | Event::Write { .. }
                | Event::Effect { .. } => None,
            })
            .collect();
        let expected = [
            ("restart", true),
            ("heal", true),
            ("firewall-remove", true),
            ("crash", false),
            ("crash", true),
            ("pause", true),
            ("resume", true),
        ];
        assert_eq!(told, expected);
    }
}

#[test]
fn a_run_ends_when_its_predicate_says_so_or_at_its_deadline() {
    let early = run(
        echo_server(),
        echo_client(10),
        Vec::new(),
        Duration::from_secs(60),
    );
    assert_eq!(early.end, End::Finished);
    assert!(early.elapsed < Duration::from_secs(1));
    let late = run(quiet(), quiet(), Vec::new(), Duration::from_secs(60));
    assert_eq!(
        (late.end, late.elapsed),
        (End::Deadline, Duration::from_secs(60))
    );
}

#[test]
fn a_main_that_returns_is_recorded_and_what_it_spawned_goes_on() {
    let main = boot(|node| async move {
        let later = node.clone();
        node.host.spawner.spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            say(&later, "done", "");
        });
    });
    let outcome = run(main, quiet(), Vec::new(), Duration::from_secs(5));
    let exits = outcome
        .history
        .iter()
        .filter(|entry| matches!(&entry.event, Event::Action { name, .. } if name == "exit"));
    assert_eq!(exits.count(), 1);
    assert_eq!(said(&outcome), ["1s server done "]);
}

#[test]
fn a_step_for_an_unknown_host_ends_the_run_as_an_error() {
    let action = Action::Host(HostChange::Crash, "nobody".to_owned());
    let trigger = Trigger::At(Duration::ZERO);
    let hosts = vec![host("server", quiet())];
    let steps = vec![Step {
        trigger,
        action,
        name: None,
    }];
    let outcome = packet::run(spec(hosts, steps, Duration::from_secs(1)));
    let name = "nobody".to_owned();
    assert_eq!(outcome.end, End::Error(EngineError::UnknownHost { name }));
}

/// Calls every 1,000 octets a message.
struct Thousands(usize);

impl StreamDecoder for Thousands {
    fn feed(&mut self, octets: &[u8], messages: &mut Vec<Decoded>) {
        self.0 += octets.len();
        while self.0 >= 1000 {
            self.0 -= 1000;
            messages.push(Decoded {
                kind: "thousand".into(),
                fields: Fields::new(),
                octets: 1000,
            });
        }
    }
}

#[test]
fn messages_are_seen_when_they_leave_whole_and_when_they_arrive_whole() {
    let hosts = vec![
        host("server", echo_server()),
        host("client", echo_client(3_500)),
    ];
    let mut run = spec(hosts, Vec::new(), Duration::from_secs(60));
    run.decoder = Some(std::sync::Arc::new(|_| Some(Box::new(Thousands(0)))));
    let outcome = packet::run(run);
    let messages: Vec<_> = outcome
        .history
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Message(message) => Some((&*entry.host, message.passage, entry.at)),
            Event::Packet(_)
            | Event::Connection(_)
            | Event::State(_)
            | Event::Write { .. }
            | Event::Effect { .. }
            | Event::Action { .. } => None,
        })
        .collect();
    let count = |host, passage| {
        messages
            .iter()
            .filter(|(at, seen, _)| *at == host && *seen == passage)
            .count()
    };
    assert_eq!(count("client", Passage::Sent), 3);
    assert_eq!(count("server", Passage::Delivered), 3);
    assert_eq!(count("server", Passage::Sent), 3);
    assert_eq!(count("client", Passage::Delivered), 3);
    let first = |passage| messages.iter().find(|(_, seen, _)| *seen == passage);
    let (sent, delivered) = (first(Passage::Sent), first(Passage::Delivered));
    let latency = delivered.zip(sent).map(|(to, from)| to.2 - from.2);
    assert_eq!(latency, Some(crate::programs::LATENCY));
}
