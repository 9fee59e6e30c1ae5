//! What a configuration file says, and what it may not say.

use std::time::Duration;

use super::*;

const LEAST: &str = "name = \"dev\"\nproduct = \"1.0\"\nstate = \"state/dev\"\n";

fn parse(rest: &str) -> Result<Settings, ScenarioError> {
    Settings::parse(
        "dev.toml",
        &format!("{LEAST}{rest}"),
        Path::new("/etc/portcullis"),
    )
}

fn complaints(rest: &str) -> Vec<String> {
    let error = parse(rest).expect_err("refused");
    error
        .problems
        .into_iter()
        .map(|problem| problem.message)
        .collect()
}

#[test]
fn the_least_that_a_file_says_leaves_every_default_of_the_agent() {
    let settings = parse("").expect("good");
    let name = EnvironmentName::new("dev").expect("a name");
    let mut expected = Config::new(name, Product::new("1.0").expect("a version"));
    expected.dynamic_ports = dynamic_ports();
    assert_eq!(settings.agent, expected);
    assert_eq!(
        parse("[timers]\n[retries]\n").expect("good").agent,
        expected
    );
    assert_eq!(settings.listen.to_string(), "127.0.0.1");
    assert_eq!(settings.state, Path::new("/etc/portcullis/state/dev"));
}

#[test]
fn everything_that_a_file_may_say_is_heard() {
    let settings = parse(
        "listen = \"127.0.0.2\"\nrestartable = [\"transfer\"]\n\
         [[later]]\nname = \"prod\"\naddress = \"::1\"\nremote_port = 6102\nlocal_port = 6101\n\
         [[earlier]]\nname = \"lab\"\nremote_port = 6104\nlocal_port = 6103\n\
         [[command]]\nname = \"c\"\nargv = [\"bin/run\", \"a b\", \"$HOME\"]\n\
         directory = \"work\"\n\
         [[command]]\nname = \"d\"\nargv = \"ls\"\n\
         [timers]\nconnect = \"3s\"\ntask_deadline = \"90m\"\n\
         [retries]\ncompletion = [\"1s\", \"2m\"]\n",
    )
    .expect("good");
    let agent = settings.agent;
    assert_eq!(agent.later[0].address, "::1");
    assert_eq!(
        (agent.later[0].remote_port, agent.later[0].local_port),
        (6102, 6101)
    );
    assert_eq!(agent.earlier[0].name.as_str(), "lab");
    assert!(agent.restartable.contains(&TaskKind::Transfer));
    assert_eq!(agent.timers.connect, Duration::from_secs(3));
    assert_eq!(agent.timers.task_deadline, Duration::from_secs(90 * 60));
    let waits = [Duration::from_secs(1), Duration::from_secs(120)];
    assert_eq!(agent.retries.completion.waits, waits);
    let lines: Vec<&CommandLine> = settings.commands.values().collect();
    assert_eq!(lines[0].program, Path::new("/etc/portcullis/bin/run"));
    assert_eq!(lines[0].arguments, ["a b", "$HOME"], "no shell");
    assert_eq!(
        lines[0].directory.as_deref(),
        Some(Path::new("/etc/portcullis/work"))
    );
    assert_eq!(lines[1].program, Path::new("ls"));
    assert_eq!(lines[1].directory, None);
}

#[test]
fn contradictions_between_links_are_found() {
    let link = |name, remote, local| {
        format!("[[later]]\nname = \"{name}\"\nremote_port = {remote}\nlocal_port = {local}\n")
    };
    let twice = link("prod", 6102, 6101) + &link("prod", 6104, 6103);
    assert_eq!(complaints(&twice), ["two links with prod"]);
    let port = link("prod", 6102, 6101) + &link("test", 6104, 6101);
    assert_eq!(complaints(&port), ["two listeners on port 6101"]);
    let own = link("dev", 6102, 6101);
    assert_eq!(complaints(&own), ["a link of the environment with itself"]);
}

#[test]
fn what_cannot_be_read_as_meant_is_refused() {
    assert_eq!(
        complaints("[[command]]\nname = \"c d\"\nargv = []\n"),
        ["`argv` names no program"]
    );
    assert_eq!(
        complaints("[[command]]\nname = \"c d\"\nargv = [\"x\"]\n"),
        ["`name` is not a name"]
    );
    assert_eq!(
        complaints("[retries]\ntask = [\"5\"]\n"),
        ["a wait of `task` lacks a unit"]
    );
    let twice = "[[command]]\nname = \"c\"\nargv = \"x\"\n".repeat(2);
    assert_eq!(complaints(&twice), ["the command `c` is declared twice"]);
}
